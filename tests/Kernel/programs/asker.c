/* asker FILE NAME: asks for an extended attribute, and says how many bytes came. */
#include <stdio.h>
#include <sys/xattr.h>

int main(int count, char **words)
{
	char value[16];

	printf("%zd\n", getxattr(words[1], words[2], value, sizeof(value)));
	return count != 3;
}

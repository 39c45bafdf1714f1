using System.CommandLine;
using System.Globalization;

namespace VirtualServices.Training;

/// <summary>Numbers of the command line, with their ranges.</summary>
internal static class Numbers
{
    /// <summary>Refuses numbers out of range.</summary>
    public static Option<int> Within(this Option<int> option, int least, int most)
    {
        option.Validators.Add(result =>
        {
            // What is no number at all is refused by the option itself.
            if (result.Tokens is [var token] && int.TryParse(token.Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number) && (number < least || number > most))
                result.AddError(string.Create(CultureInfo.InvariantCulture, $"{option.Name}: expected {least} to {most}, this is {number}"));
        });
        return option;
    }
}

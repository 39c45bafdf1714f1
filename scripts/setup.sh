# Sourced by demo.sh and test.sh: sees that what the checkout needs is there, installs by apt-get what is not.
# Says one line per package that it installs, nothing where all is there; asks nothing; can run again. All it says goes to stderr.

. scripts/requirements.sh
. scripts/packages.sh

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
vs_install
vs_check_dotnet

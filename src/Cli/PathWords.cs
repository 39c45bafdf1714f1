using System.CommandLine;
using System.CommandLine.Parsing;

namespace VirtualServices.Cli;

/// <summary>Words of the command line that are paths. An empty one, such as a variable of a script that was not set, names no file.</summary>
internal static class PathWords
{
    /// <summary>Refuses empty words of an option.</summary>
    public static Option<T> Path<T>(this Option<T> option)
    {
        option.Validators.Add(result => Refuse(result, option.Name));
        return option;
    }

    /// <summary>Refuses empty words of an argument.</summary>
    public static Argument<T> Path<T>(this Argument<T> argument)
    {
        argument.Validators.Add(result => Refuse(result, argument.Name));
        return argument;
    }

    private static void Refuse(SymbolResult result, string name)
    {
        if (result.Tokens.Any(token => token.Value.Length == 0)) result.AddError($"{name}: expected a path, this one is empty");
    }
}

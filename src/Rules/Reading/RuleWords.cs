using System.Diagnostics.CodeAnalysis;
using VirtualServices.Model;

namespace VirtualServices.Rules.Reading;

/// <summary>The words of the rule file for the model's choices.</summary>
[SuppressMessage("Globalization", "CA1308", Justification = "The rule language is lower case.")]
internal static class RuleWords
{
    public const string Requester = "requester";
    public const string Creator = "creator";
    public const string Keep = "keep";
    public const string Block = "block";
    public const string BestEffort = "best-effort";
    public const string ErrnoPrefix = "errno:";
    public const string DefaultErrno = "EAGAIN";

    /// <summary>What a call that would break a limit may fail with: errors that a program expects of fork, clone, socket and accept.</summary>
    public static readonly string[] Errnos =
        ["EAGAIN", "ENOMEM", "EACCES", "EBUSY", "EMFILE", "ENFILE", "ENOSPC", "EPERM", "ENOBUFS", "ECONNABORTED", "ECONNREFUSED", "EUSERS", "EDQUOT"];

    public static string Of<T>(T choice)
        where T : struct, Enum => choice.ToString().ToLowerInvariant();

    public static string Of(Classification classify) => classify.Kind switch
    {
        ClassificationKind.Requester => Requester,
        ClassificationKind.Creator => Creator,
        ClassificationKind.Keep => Keep,
        _ => classify.VirtualService,
    };

    public static Classification ToClassification(string word) => word switch
    {
        Requester => new Classification(ClassificationKind.Requester),
        Creator => new Classification(ClassificationKind.Creator),
        Keep => new Classification(ClassificationKind.Keep),
        _ => new Classification(ClassificationKind.Named, word),
    };

    public static string OnLimit(MemberLimits limits) => limits.OnLimit switch
    {
        LimitAction.Block => Block,
        LimitAction.BestEffort => BestEffort,
        _ => ErrnoPrefix + limits.Errno,
    };

    public static bool IsReserved(string name) => name is Requester or Creator or Keep;

    public static bool IsName(string text, int maxLength) =>
        text.Length > 0 && text.Length <= maxLength && char.IsAsciiLetter(text[0]) && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');
}

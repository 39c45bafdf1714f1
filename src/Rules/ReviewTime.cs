using System.Globalization;

namespace VirtualServices.Rules;

/// <summary>Times of reviews: UTC, ISO 8601, seconds.</summary>
public static class ReviewTime
{
    private static readonly string[] Accepted = ["yyyy-MM-dd'T'HH:mm:ss'Z'", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'"];

    /// <summary>Writes a time: <c>2026-01-31T09:30:00Z</c>.</summary>
    public static string Format(DateTimeOffset time) => time.UtcDateTime.ToString(Accepted[0], CultureInfo.InvariantCulture);

    internal static bool IsValid(string text) =>
        DateTime.TryParseExact(text, Accepted, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out _);
}

namespace VirtualServices.Discover.Import;

/// <summary>A field of an input line is not what it should be; whoever reads the file adds its name and the line.</summary>
internal sealed class FieldError(string field, string expected) : Exception(field.Length > 0 ? $"field '{field}': {expected}" : expected);

using CsCheck;
using VirtualServices.Model;

namespace VirtualServices.Discover.Tests;

/// <summary>Changes bytes of a good file, cuts it, doubles parts of it: every reader must end with a result or with exit code 3.</summary>
internal static class Fuzz
{
    internal static void Change(byte[] good, int times, Action<byte[]> read)
    {
        Gen<(int Kind, int At, int Length, byte Value)[]> changes =
            (from kind in Gen.Int[0, 4] from at in Gen.Int[0, good.Length - 1] from length in Gen.Int[1, 64] from value in Gen.Byte select (kind, at, length, value)).Array[1, 6];
        changes.Sample(
            steps =>
            {
                List<byte> bytes = [.. good];
                foreach ((int kind, int at, int length, byte value) in steps)
                {
                    if (bytes.Count == 0) break;
                    int place = at % bytes.Count;
                    int part = Math.Min(length, bytes.Count - place);
                    switch (kind)
                    {
                        case 0 or 1:
                            bytes[place] = value;
                            break;
                        case 2:
                            bytes.RemoveRange(place, part);
                            break;
                        case 3:
                            bytes.InsertRange(place, bytes.GetRange(place, part));
                            break;
                        default:
                            if (length < 8) bytes.RemoveRange(place, bytes.Count - place);
                            else bytes[place] ^= (byte)(1 << (value & 7));
                            break;
                    }
                }

                try
                {
                    read([.. bytes]);
                }
                catch (VsException error)
                {
                    Assert.Equal(ExitCode.BadInput, error.ExitCode);
                }
            },
            iter: times,
            threads: 1);
    }
}

using VirtualServices.Linux.Bpf;

namespace VirtualServices.Linux.Tests;

public sealed class LogEndTests
{
    private const string Refused = """
        libbpf: prog 'on_receive': BPF program load failed: Permission denied
        libbpf: prog 'on_receive': -- BEGIN PROG LOAD LOG --
        0: R1=ctx() R10=fp0
        0: (79) r6 = *(u64 *)(r1 +0)
        1: (b7) r1 = 0
        2: (79) r0 = *(u64 *)(r6 +8)
        R6 invalid mem access 'scalar'
        processed 3 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
        -- END PROG LOAD LOG --
        libbpf: prog 'on_receive': failed to load: -13
        libbpf: failed to load object 'gates_bpf'
        """;

    [Fact]
    public void Of_a_verifier_log_the_reason_stays() => Assert.Equal("1: (b7) r1 = 0; 2: (79) r0 = *(u64 *)(r6 +8); R6 invalid mem access 'scalar'", LogEnd.Of(Refused));

    // The log is kept from its end where it is long.
    [Fact]
    public void Of_a_log_whose_beginning_was_cut_the_reason_stays_too() => Assert.EndsWith("; R6 invalid mem access 'scalar'", LogEnd.Of(Refused[Refused.IndexOf("0: (79)", StringComparison.Ordinal)..]), StringComparison.Ordinal);

    [Theory]
    [InlineData("libbpf: failed to find valid kernel BTF\nlibbpf: Error loading vmlinux BTF: -3\nlibbpf: a\nlibbpf: b\n", "libbpf: Error loading vmlinux BTF: -3; libbpf: a; libbpf: b")]
    [InlineData("one", "one")]
    [InlineData("", "")]
    public void Of_other_logs_the_end_stays(string log, string end) => Assert.Equal(end, LogEnd.Of(log));
}

using VirtualServices.Cli.Demo;

namespace VirtualServices.Cli.Tests.Demo;

public sealed class EnforcerTests
{
    [Theory]
    [InlineData("running", "77", "demo: another enforcer runs already (pid 77): end it with Ctrl-C or 'vs stop'")]
    [InlineData("starting", "null", "demo: another enforcer runs already (one is just starting or ending): end it with Ctrl-C or 'vs stop'")]
    public void Where_another_one_runs_the_demo_is_refused_as_enforcing_would_be(string state, string pid, string said)
    {
        VsException refused = Assert.Throws<VsException>(() => Enforcer.RequireNone($"{{\"state\":\"{state}\",\"enforcer_pid\":{pid}}}"));
        Assert.Equal((ExitCode.DoesNotHold, said), (refused.ExitCode, refused.Message));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{\"state\":\"none\",\"enforcer_pid\":null}")]
    [InlineData("{\"state\":\"dead\",\"enforcer_pid\":null}")]
    public void What_a_dead_one_left_is_taken_over(string status) => Enforcer.RequireNone(status);
}

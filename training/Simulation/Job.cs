namespace VirtualServices.Training.Simulation;

/// <summary>A request at a service, from its arrival to its reply.</summary>
internal sealed class Job(Simulator simulator, ServiceHost host, EndpointPlan plan, string connection, TrueCall truth, bool fails, string? tenantTold, Action done)
{
    private readonly Queue<Action> _early = new();
    private int _held, _awaited;
    private bool _sending;
    private (string, long) _self;

    public void Arrive()
    {
        bool early = host.ReceivesEarly;
        if (early) Receive(ServiceHost.Receiver);
        bool asleep = true;
        host.Crew.Take(worker =>
        {
            if (asleep && host.Plan.Style == WorkStyle.HandOff) simulator.EmitWake(host, ServiceHost.Receiver, worker, truth.Trace);
            if (!early) Receive(worker);
            if (host.Holds) _held = worker;
            Begin(worker);
        });
        asleep = false; // who is given it later has not slept
    }

    private void Receive(int worker)
    {
        truth.ReceivedNs = simulator.Tape.Stamp(simulator.World.NowNs);
        _self = (connection, truth.ReceivedNs);
        simulator.Emit(host, worker, connection, server: true, "recv", truth.Trace, tenantTold);
    }

    private void Begin(int worker)
    {
        if (fails) host.Crew.Compute(plan.End.Draw(host.Dice), () => Reply(worker));
        else Stage(0, worker);
    }

    private void Stage(int index, int worker)
    {
        while (index < plan.Stages.Count && !host.Dice.Chance(plan.Stages[index].Probability)) index++;
        if (index == plan.Stages.Count)
        {
            host.Crew.Compute(plan.End.Draw(host.Dice), () => Reply(worker));
            return;
        }

        StagePlan stage = plan.Stages[index];
        List<CallPlan> calls = [];
        foreach (CallPlan call in stage.Calls)
        {
            for (int i = host.Dice.Whole(1, call.Most); i > 0; i--) calls.Add(call);
        }

        host.Crew.Compute(stage.Compute.Draw(host.Dice), () =>
        {
            if (stage.Parallel) SendAll(stage, calls, 0, worker, after => Stage(index + 1, after));
            else SendEach(stage, calls, 0, worker, after => Stage(index + 1, after));
        });
    }

    /// <summary>All are sent, then all answers are awaited.</summary>
    private void SendAll(StagePlan stage, List<CallPlan> calls, int from, int worker, Action<int> next)
    {
        if (from == 0) _awaited = calls.Count;
        _sending = true;
        Make(calls[from], worker, stage.Forgotten ? null : after =>
        {
            if (--_awaited == 0) next(after);
            else Pause(after);
        });
        if (from + 1 < calls.Count)
        {
            host.Crew.Compute(stage.Gap.Draw(host.Dice), () => SendAll(stage, calls, from + 1, worker, next));
            return;
        }

        _sending = false;
        if (stage.Forgotten)
        {
            next(worker);
            return;
        }

        Pause(worker);
        while (_early.TryDequeue(out Action? answer)) answer();
    }

    /// <summary>Each is sent when the one before was answered.</summary>
    private void SendEach(StagePlan stage, List<CallPlan> calls, int from, int worker, Action<int> next)
    {
        if (from == calls.Count)
        {
            next(worker);
            return;
        }

        Make(calls[from], worker, stage.Forgotten ? null : after => host.Crew.Compute(stage.Gap.Draw(host.Dice), () => SendEach(stage, calls, from + 1, after, next)));
        if (stage.Forgotten) SendEach(stage, calls, from + 1, worker, next);
        else Pause(worker);
    }

    /// <summary>Nothing to do until an answer comes.</summary>
    private void Pause(int worker)
    {
        if (!host.Holds) host.Crew.GiveBack(worker);
    }

    /// <param name="call">The call.</param>
    /// <param name="worker">Who makes it.</param>
    /// <param name="answered">Called with who received the answer, or null where nobody waits.</param>
    private void Make(CallPlan call, int worker, Action<int>? answered) =>
        simulator.Call(host, worker, call, truth.Trace, truth.Tenant, _self, answered is null ? null : (receive, failed) =>
        {
            if (!host.Holds) host.Crew.Take(after => Take(after));
            else if (_sending) _early.Enqueue(() => Take(_held)); // the thread has not asked yet
            else Take(_held);

            void Take(int after)
            {
                receive(after);
                if (!failed)
                {
                    answered(after);
                    return;
                }

                Pause(after);
                simulator.World.After(call.Backoff.Draw(host.Dice), () =>
                {
                    if (host.Holds) Again(_held);
                    else host.Crew.Take(Again);
                });
            }

            void Again(int by)
            {
                Make(call with { Fails = 0 }, by, answered);
                Pause(by);
            }
        });

    private void Reply(int worker)
    {
        truth.EndNs = simulator.Tape.Stamp(simulator.World.NowNs);
        simulator.Emit(host, worker, connection, server: true, "send", truth.Trace, null);
        done();
        if (plan.After is { } after && !fails) host.Crew.Compute(plan.End.Draw(host.Dice), () => CallAfter(after, worker));
        else host.Crew.GiveBack(worker);
    }

    private void CallAfter(CallPlan call, int worker)
    {
        Make(call, worker, null);
        host.Crew.GiveBack(worker);
    }
}

using VirtualServices.Cli;

return await VsProgram.RunAsync(args, CommandContext.OfThisProcess());

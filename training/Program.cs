using VirtualServices.Training;

return TrainingProgram.Run(args, Console.Error);

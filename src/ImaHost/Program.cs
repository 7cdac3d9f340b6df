using ImaHost.Cli;

return CommandLine.Run(args);

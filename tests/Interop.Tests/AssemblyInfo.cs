using Xunit.Sdk;
using Xunit.v3;

// One test at a time: they freeze TPMs and kill hosts, and their figures must not depend on each other.
[assembly: Parallelization(Mode = ParallelMode.None)]

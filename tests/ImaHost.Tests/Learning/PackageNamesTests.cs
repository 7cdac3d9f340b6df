using System.Text;
using ImaHost.Learning;
using Xunit;

namespace ImaHost.Tests.Learning;

public sealed class PackageNamesTests
{
    [Fact]
    public void Package_manager_tells_the_packages_of_many_files_at_once()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/dpkg-query"), "there is no dpkg here");
        BytePath[] files = [Of("/bin/sh"), Of("/usr/bin/env"), Of("/bin/env"), Of("/usr/bin/["), Of("/srv/nobody's"), new([(byte)'/', 0xff])];

        Dictionary<BytePath, string> found = PackageNames.Find(files);

        Assert.Equal("dash", found[Of("/bin/sh")]);
        Assert.Equal("coreutils", found[Of("/usr/bin/env")]);
        Assert.Equal("coreutils", found[Of("/bin/env")]);
        Assert.Equal("coreutils", found[Of("/usr/bin/[")]);
        Assert.Equal(4, found.Count);
    }

    [Fact]
    public void Dpkg_names_several_packages_and_diversions()
    {
        const string output = """
            diversion by dash from: /bin/sh
            diversion by dash to: /bin/sh.distrib
            dash: /bin/sh
            libc6:amd64, libc6:i386: /usr/share/doc/libc6
            base-files: /odd: /name
            """;

        Assert.Equal(
            [("/bin/sh", "dash"), ("/usr/share/doc/libc6", "libc6"), ("/odd: /name", "base-files")],
            PackageNames.ParseDpkg(output));
    }

    [Fact]
    public void Rpm_names_each_file_after_its_package() => Assert.Equal(
        [("/usr/bin/bash", "bash"), ("/usr/bin/sh", "bash")],
        PackageNames.ParseRpm("bash\t/usr/bin/bash\nbash\t/usr/bin/sh\nfile /srv/x is not owned by any package\n"));

    static BytePath Of(string path) => new(Encoding.UTF8.GetBytes(path));
}

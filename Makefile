# ImaHost: make help
CC ?= gcc
PREFIX ?= /usr
BUILD := build
V ?= 0
Q := $(if $(filter 1,$(V)),,@)

CFLAGS ?= -O2 -g
CWARN := -Wall -Wextra -Wundef -Wdeclaration-after-statement \
	-Wmissing-prototypes -Wstrict-prototypes -Wvla -Wshadow -Wconversion \
	-Wformat=2 -Werror
CHARD := -std=gnu11 -fPIE -fstack-protector-strong -fvisibility=hidden \
	-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
LDHARD := -static-pie -Wl,-z,relro,-z,now,-z,noexecstack,--build-id

BPF_SRC := native/ima.bpf.c native/ima_shelter.bpf.c native/bpf_load.c
GUARD_SRC := $(filter-out $(BPF_SRC),$(wildcard native/*.c))
GUARD_HDR := $(wildcard native/*.h)
# The BPF programs and what loads them need more than the rest: without it they
# are left out, and the host says what it cannot see then.
BPF_LIBS := -lbpf -lelf -lz
HAVE_BPF := $(shell command -v clang >/dev/null && echo 'int main(void){return 0;}' | \
	$(CC) -static -x c -include bpf/libbpf.h - $(BPF_LIBS) -o /dev/null 2>/dev/null && echo yes)
BPF := $(if $(HAVE_BPF),$(BUILD)/imahost-bpf,no-bpf)
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)
BPFFLAGS := -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror \
	$(if $(MULTIARCH),-I/usr/include/$(MULTIARCH))

CS_SRC := $(shell find src -name '*.cs' -not -path '*/obj/*' -not -path '*/bin/*') \
	$(shell find src -name '*.csproj') Directory.Build.props \
	Directory.Packages.props global.json .editorconfig
DOTNET := dotnet
RID := linux-$(if $(filter aarch64,$(shell uname -m)),arm64,x64)
VERSION := $(shell sed -n 's|.*<Version>\(.*\)</Version>.*|\1|p' Directory.Build.props)

# The SDK writes below HOME; root of a bare machine may have none.
export DOTNET_CLI_TELEMETRY_OPTOUT := 1
export DOTNET_NOLOGO := 1
export HOME ?= /root
# The date of manual pages and packages: that of what is built.
SOURCE_DATE_EPOCH ?= $(or $(shell git log -1 --format=%ct 2>/dev/null),$(shell date +%s))
export SOURCE_DATE_EPOCH

TESTS := build/tests
FUZZ_SECONDS ?= 60
RESULTS := $(TESTS)/results

.DELETE_ON_ERROR:
.PHONY: all no-bpf help deps check fuzz lint fmt demo bench clean install uninstall \
	test-programs bench-micro bench-reference bench-capacity bench-long-list \
	bench-segments bench-signed faults session deb rpm e2e bench-beside bench-bpf

all: $(BUILD)/imahost-guard $(BUILD)/imahost $(BPF) ## build build/imahost, build/imahost-guard and build/imahost-bpf

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

$(BUILD)/imahost-guard: $(GUARD_SRC) $(GUARD_HDR) Makefile
	@mkdir -p $(BUILD)
	$(Q)$(CC) $(CWARN) $(CHARD) $(CFLAGS) $(LDHARD) $(GUARD_SRC) -o $@

$(BUILD)/%.bpf.o: native/%.bpf.c $(wildcard native/ima_*.h) Makefile
	@mkdir -p $(BUILD)
	$(Q)clang $(BPFFLAGS) -c $< -o $@
	$(Q)! command -v llvm-strip >/dev/null || llvm-strip -g $@

$(BUILD)/imahost-bpf: $(BUILD)/ima.bpf.o $(BUILD)/ima_shelter.bpf.o native/bpf_load.c native/bpf_object.S native/ima_bpf.h
	$(Q)$(CC) $(CWARN) $(CHARD) $(CFLAGS) $(LDHARD) -Wa,-I$(BUILD) \
		native/bpf_load.c native/bpf_object.S -o $@ $(BPF_LIBS)

no-bpf:
	@echo "without imahost-bpf: it needs clang, libbpf-dev, libelf-dev and zlib1g-dev (tests/deps.sh build)"

$(BUILD)/imahost: $(CS_SRC)
	@mkdir -p $(BUILD)
	$(Q)$(DOTNET) publish src/ImaHost/ImaHost.csproj -c Release \
		-r $(RID) -o $(BUILD)/publish --nologo -v quiet
	$(Q)objcopy --strip-unneeded $(BUILD)/publish/imahost $@

# Native tests, each built twice: as it ships, and with sanitizers.
TEST_HDR := $(wildcard tests/native/*.h)
NATIVE_TESTS := $(patsubst tests/native/%.c,%,$(wildcard tests/native/*_test.c))

$(TESTS)/%_test: tests/native/%_test.c native/%.c $(GUARD_HDR) $(TEST_HDR)
	@mkdir -p $(TESTS)
	$(Q)$(CC) $(CWARN) -std=gnu11 -Inative -g -O1 $< native/$*.c -o $@

$(TESTS)/%_test-asan: tests/native/%_test.c native/%.c $(GUARD_HDR) $(TEST_HDR)
	@mkdir -p $(TESTS)
	$(Q)$(CC) $(CWARN) -std=gnu11 -Inative -g -O1 \
		-fsanitize=address,undefined -fno-sanitize-recover=all \
		$< native/$*.c -o $@

$(BUILD)/abi-layout: tests/native/abi_layout.c native/imahost_abi.h
	@mkdir -p $(BUILD)
	$(Q)$(CC) $(CWARN) -std=gnu11 -Inative $< -o $@

# libFuzzer, which hands its inputs to tests/Fuzz.
$(BUILD)/fuzz/driver: tests/native/fuzz_driver.c
	@mkdir -p $(BUILD)/fuzz
	$(Q)clang $(CWARN) -std=gnu11 -g -O1 -fsanitize=fuzzer $< -o $@

test-programs: all $(BUILD)/abi-layout $(BUILD)/fuzz/driver \
	$(addprefix $(TESTS)/,$(NATIVE_TESTS)) \
	$(addsuffix -asan,$(addprefix $(TESTS)/,$(NATIVE_TESTS)))
	$(Q)$(DOTNET) build ImaHost.sln -c Release --nologo -v quiet
	$(Q)rm -rf $(BUILD)/hazard
	$(Q)cp -r tests/HazardHost/bin/Release/net10.0 $(BUILD)/hazard

deps: ## install what building and testing need (as root)
	@tests/deps.sh check

check: deps ## install what is needed, build, run all tests (as root)
	$(Q)$(MAKE) --no-print-directory lint test-programs deb rpm
	$(Q)tests/run-tests.sh $(RESULTS)

faults: ## the faults that docs/faults.md tells of, as tests (as root)
	@tests/deps.sh check
	$(Q)$(MAKE) --no-print-directory test-programs
	$(Q)tests/run-private.sh 300 \
		tests/Interop.Tests/bin/Release/net10.0/Interop.Tests \
		-noColor -noLogo -trait "Kind=faults"

e2e: ## the package on a whole machine: QEMU, systemd and a TPM (as root)
	-@tests/deps.sh e2e
	$(Q)$(MAKE) --no-print-directory deb
	$(Q)tests/EndToEnd/run.sh $(DEB)

fuzz: ## feed the readers with damaged input, each for FUZZ_SECONDS, or with FUZZ_INPUT
	@tests/deps.sh check
	$(Q)$(MAKE) --no-print-directory $(BUILD)/fuzz/driver
	$(Q)$(DOTNET) build tests/Fuzz -c Release --nologo -v quiet
	$(Q)tests/fuzz.sh $(FUZZ_SECONDS) $(FUZZ_INPUT)

lint: ## compile the C with clang too, analyse it, check the scripts
	$(Q)for f in $(GUARD_SRC) $(if $(HAVE_BPF),native/bpf_load.c); do \
		$(CC) $(CWARN) $(CHARD) -O2 -fanalyzer -c $$f -o /dev/null && \
		clang $(CWARN) $(CHARD) -O2 -c $$f -o /dev/null || exit 1; done
	$(Q)tests/lint.sh $(BUILD)

demo: ## the whole story on a private filesystem with swtpm (as root)
	@tests/deps.sh demo
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/run-private.sh 120 tests/demo/demo.sh

session: ## from learning to enforcing in a private Debian; RECORD=FILE writes it (as root)
	@tests/deps.sh check
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/run-private.sh 300 tests/private-root.sh $(BUILD)/private-root.tar
	$(Q)tests/run-private.sh 120 tests/demo/session.sh $(BUILD)/private-root.tar $(RECORD)

bench: ## what an access costs, its parts, long lists and verifying one (as root)
	@tests/deps.sh bench
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/run-private.sh 1200 benchmarks/access/run.sh
	$(Q)benchmarks/verify.sh
	$(Q)benchmarks/label.sh
	$(Q)$(MAKE) --no-print-directory bench-micro bench-reference bench-capacity \
		bench-signed

bench-micro: ## what the parts of an access cost; fails when one allocates
	$(Q)$(DOTNET) build benchmarks/Micro -c Release --nologo -v quiet
	$(Q)benchmarks/Micro/bin/Release/net10.0/Micro benchmarks/results/micro.md

bench-reference: ## what an index of 1,000,000 reference digests costs
	$(Q)$(DOTNET) build benchmarks/Micro -c Release --nologo -v quiet
	$(Q)benchmarks/Micro/bin/Release/net10.0/Micro reference benchmarks/results/reference.md

bench-long-list: ## what a list of ten million entries takes (ENTRIES=N)
	$(Q)$(DOTNET) build benchmarks/Micro -c Release --nologo -v quiet
	$(Q)benchmarks/Micro/bin/Release/net10.0/Micro long-list \
		benchmarks/results/long-list.md $(or $(ENTRIES),10000000) $(BUILD)

bench-segments: ## what a list of ten thousand segments takes (SEGMENTS=N)
	$(Q)$(DOTNET) build benchmarks/Micro -c Release --nologo -v quiet
	$(Q)benchmarks/Micro/bin/Release/net10.0/Micro many-segments \
		benchmarks/results/many-segments.md $(or $(SEGMENTS),10000) $(BUILD)

bench-capacity: all ## what long lists, kept verdicts and a start cost (as root)
	$(Q)tests/run-private.sh 300 benchmarks/capacity.sh benchmarks/results/capacity.md

bench-signed: all ## what a signature costs at the first start of a program (as root)
	$(Q)tests/run-private.sh 300 benchmarks/signed.sh benchmarks/results/signed.md

bench-bpf: all ## what the BPF programs cost, in a guest (as root)
	@tests/deps.sh e2e
	$(Q)benchmarks/bpf/run.sh $(BUILD) benchmarks/results/bpf.md

bench-beside: ## what measuring costs beside the kernel's own, in a guest (as root)
	@tests/deps.sh e2e
	$(Q)$(MAKE) --no-print-directory deb
	$(Q)benchmarks/side-by-side/run.sh $(DEB) benchmarks/results/kernel-side-by-side.md

UNITS := $(wildcard packaging/*.service packaging/*.timer)
UNITDIR ?= $(PREFIX)/lib/systemd/system
SHARE := $(DESTDIR)$(PREFIX)/share
# Packages take the one with symbols, and keep those apart.
HOST_FILE ?= $(BUILD)/imahost
MAN := $(patsubst docs/%.scd,$(BUILD)/man/%,$(wildcard docs/*.scd))
COMPLETIONS := $(addprefix $(BUILD)/completion/imahost.,bash zsh fish)

$(BUILD)/man/%: docs/%.scd
	@mkdir -p $(BUILD)/man
	$(Q)scdoc <$< >$@

$(BUILD)/completion/imahost.%: $(BUILD)/imahost packaging/completion/generate.sh
	@mkdir -p $(BUILD)/completion
	$(Q)packaging/completion/generate.sh $(BUILD)/imahost $* >$@

install: all $(MAN) $(COMPLETIONS) ## install below PREFIX (and DESTDIR); settings that are there stay
	install -D -m 0755 $(HOST_FILE) $(DESTDIR)$(PREFIX)/sbin/imahost
	install -D -m 0755 $(BUILD)/imahost-guard \
		$(DESTDIR)$(PREFIX)/libexec/imahost/imahost-guard
	$(if $(HAVE_BPF),install -D -m 0755 $(BUILD)/imahost-bpf \
		$(DESTDIR)$(PREFIX)/libexec/imahost/imahost-bpf)
	install -m 0755 packaging/service.sh $(DESTDIR)$(PREFIX)/libexec/imahost/service
	install -d $(DESTDIR)$(UNITDIR)
	install -m 0644 $(UNITS) $(DESTDIR)$(UNITDIR)
	install -D -m 0644 packaging/sysusers.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/imahost.conf
	install -D -m 0644 packaging/tmpfiles.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/imahost.conf
	install -D -m 0644 packaging/modules-load.conf \
		$(DESTDIR)$(PREFIX)/lib/modules-load.d/imahost.conf
	install -D -m 0644 packaging/50-default.yaml \
		$(DESTDIR)$(PREFIX)/lib/ima/policy.d/50-default.yaml
	test -e $(DESTDIR)/etc/imahost/imahost.yaml || install -D -m 0644 \
		packaging/imahost.yaml $(DESTDIR)/etc/imahost/imahost.yaml
	! test -d /etc/dpkg || install -D -m 0644 packaging/dpkg/imahost \
		$(DESTDIR)/etc/dpkg/dpkg.cfg.d/imahost
	install -d $(SHARE)/man/man5 $(SHARE)/man/man8
	install -m 0644 $(filter %.5,$(MAN)) $(SHARE)/man/man5
	install -m 0644 $(filter %.8,$(MAN)) $(SHARE)/man/man8
	install -D -m 0644 $(BUILD)/completion/imahost.bash $(SHARE)/bash-completion/completions/imahost
	install -D -m 0644 $(BUILD)/completion/imahost.zsh $(SHARE)/zsh/vendor-completions/_imahost
	install -D -m 0644 $(BUILD)/completion/imahost.fish \
		$(SHARE)/fish/vendor_completions.d/imahost.fish
	install -D -m 0644 packaging/keylime/imahost.conf $(SHARE)/doc/imahost/examples/keylime/imahost.conf
	install -m 0644 README.md SECURITY.md $(SHARE)/doc/imahost
	test -n "$(DESTDIR)" || getent group ima >/dev/null || groupadd --system ima

uninstall: ## remove what install put there, but for settings
	rm -f $(DESTDIR)/etc/dpkg/dpkg.cfg.d/imahost
	rm -f $(DESTDIR)$(PREFIX)/sbin/imahost
	rm -f $(addprefix $(DESTDIR)$(UNITDIR)/,$(notdir $(UNITS)))
	rm -f $(addsuffix /imahost.conf,$(addprefix $(DESTDIR)$(PREFIX)/lib/,sysusers.d tmpfiles.d modules-load.d))
	rm -f $(DESTDIR)$(PREFIX)/lib/ima/policy.d/50-default.yaml
	rm -f $(addprefix $(SHARE)/man/man5/,$(notdir $(filter %.5,$(MAN)))) $(SHARE)/man/man8/imahost.8
	rm -f $(SHARE)/bash-completion/completions/imahost $(SHARE)/zsh/vendor-completions/_imahost \
		$(SHARE)/fish/vendor_completions.d/imahost.fish
	rm -rf $(DESTDIR)$(PREFIX)/libexec/imahost $(SHARE)/doc/imahost

DEB := $(BUILD)/deb/imahost_$(VERSION)_$(shell dpkg --print-architecture 2>/dev/null).deb
RPM := $(BUILD)/rpm/imahost-$(VERSION)-1.$(shell uname -m).rpm
PACKAGED := $(BUILD)/imahost $(BUILD)/imahost-guard $(filter-out no-bpf,$(BPF)) $(MAN) $(COMPLETIONS) $(UNITS) Makefile \
	README.md SECURITY.md CHANGELOG.md \
	$(wildcard packaging/*.yaml packaging/*.conf packaging/*.sh packaging/*/*) \
	$(wildcard packaging/debian/source/*)

deb: ## build build/deb/imahost_VERSION_ARCH.deb and its -dbgsym
	@tests/deps.sh package
	$(Q)$(MAKE) --no-print-directory $(DEB)

rpm: ## build build/rpm/imahost-VERSION-1.ARCH.rpm and its -debuginfo
	@tests/deps.sh package
	$(Q)$(MAKE) --no-print-directory $(RPM)

# Beside the source tree's own directories: debhelper works in a tree of its own.
$(DEB): $(PACKAGED)
	$(Q)rm -rf $(BUILD)/deb
	@mkdir -p $(BUILD)/deb/tree
	$(Q)cp -r packaging/debian $(BUILD)/deb/tree/debian
	$(Q)cd $(BUILD)/deb/tree && TOP=$(CURDIR) \
		dpkg-buildpackage -b -us -uc >../build.log 2>&1 || { tail -n 40 ../build.log >&2; exit 1; }
	@test -s $@

# What it needs is here, though the database of a Debian does not say so.
$(RPM): $(PACKAGED)
	$(Q)rm -rf $(BUILD)/rpm
	@mkdir -p $(BUILD)/rpm
	$(Q)rpmbuild -bb --nodeps --define "_topdir $(CURDIR)/$(BUILD)/rpm/tree" --define "top $(CURDIR)" \
		--define "version_ $(VERSION)" packaging/rpm/imahost.spec >$(BUILD)/rpm/build.log 2>&1 || \
		{ tail -n 40 $(BUILD)/rpm/build.log >&2; exit 1; }
	$(Q)find $(BUILD)/rpm/tree/RPMS -name '*.rpm' -exec mv {} $(BUILD)/rpm \;
	@test -s $@

fmt: ## format the C
	clang-format -i native/*.c native/*.h tests/native/*.c

clean: ## remove everything that was built
	rm -rf $(BUILD) src/*/bin src/*/obj tests/*/bin tests/*/obj \
		benchmarks/*/bin benchmarks/*/obj

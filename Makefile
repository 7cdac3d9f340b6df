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
LDHARD := -static-pie -Wl,-z,relro,-z,now,-z,noexecstack

GUARD_SRC := $(filter-out native/ima%.c,$(wildcard native/*.c))
GUARD_HDR := $(wildcard native/*.h)
CS_SRC := $(shell find src -name '*.cs' -not -path '*/obj/*' -not -path '*/bin/*') \
	$(shell find src -name '*.csproj') Directory.Build.props \
	Directory.Packages.props global.json .editorconfig
DOTNET := dotnet

.DELETE_ON_ERROR:
.PHONY: all help deps check lint fmt demo clean install uninstall

all: $(BUILD)/imahost-guard $(BUILD)/imahost ## build build/imahost and build/imahost-guard

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

$(BUILD)/imahost-guard: $(GUARD_SRC) $(GUARD_HDR) Makefile
	@mkdir -p $(BUILD)
	$(Q)$(CC) $(CWARN) $(CHARD) $(CFLAGS) $(LDHARD) $(GUARD_SRC) -o $@

$(BUILD)/imahost: $(CS_SRC)
	@mkdir -p $(BUILD)
	$(Q)$(DOTNET) publish src/ImaHost/ImaHost.csproj -c Release \
		-r linux-x64 -o $(BUILD)/publish --nologo -v quiet
	$(Q)cp $(BUILD)/publish/imahost $@

clean: ## remove everything that was built
	rm -rf $(BUILD) src/*/bin src/*/obj tests/*/bin tests/*/obj

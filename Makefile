# `make` alone says what there is. Everything here is also a plain cargo or npm command; see the recipes.

# rustup's folder, for shells that have not read its profile yet.
export PATH := $(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin
CARGO ?= cargo
export CARGO

# `.cargo/config.toml` says where a fetched OpenSlide is, but a PKG_CONFIG_PATH of the user's wins over it.
ifdef PKG_CONFIG_PATH
export PKG_CONFIG_PATH := $(CURDIR)/target/openslide/lib/pkgconfig:$(PKG_CONFIG_PATH)
endif

# The demo's slide. Empty: the small real one that comes with the crate openslide-rs.
SLIDE ?=
export SLIDE
# The binary that `cargo test --workspace` has built; `cargo run` would build dependencies again with other features.
TESTED = $(or $(CARGO_TARGET_DIR),target)/debug/slidezoom
REAL_SLIDE = $$("$$CARGO" metadata --format-version 1 --locked | node .setup/demo-slide.mjs)

.PHONY: help
help: ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' $(MAKEFILE_LIST) | expand -t 12

.PHONY: demo
demo: deps ## Convert a slide and say what to open (SLIDE=/path/to/a/slide for one of your own)
	@set -e; \
	slide=$$SLIDE; \
	name=$$(basename "$$slide"); \
	if [ -z "$$slide" ]; then slide=$(REAL_SLIDE); name=CMU-1-Small-Region.svs; fi; \
	output=target/demo/$${name%.*}; \
	mkdir -p target/demo; \
	"$$CARGO" run --release --locked --bin slidezoom -- export "$$slide" -o "$$output" --overwrite; \
	printf '\nDouble-click this, or open it in a browser:\n  %s\n' "$(CURDIR)/$$output/index.html"

.PHONY: test
test: deps viewer/node_modules/.package-lock.json ## Run all tests
	$(CARGO) test --workspace --locked
	slide=$(REAL_SLIDE) && $(TESTED) export "$$slide" -o target/test/CMU-1-Small-Region --overwrite
	slide=$(REAL_SLIDE) && for layout in zoomify iiif2 iiif3; do \
	$(TESTED) export "$$slide" -o target/test/layouts/$$layout/CMU-1-Small-Region --layout $$layout --overwrite || exit; done
	SLIDEZOOM_EXPORT="$(CURDIR)/target/test/CMU-1-Small-Region" SLIDEZOOM_LAYOUTS="$(CURDIR)/target/test/layouts" npm --prefix viewer test

# npm writes this file last, so it stands for the whole folder.
viewer/node_modules/.package-lock.json: viewer/package-lock.json | deps
	npm --prefix viewer ci

.PHONY: check
check: deps viewer/node_modules/.package-lock.json ## Format, lints, types and documentation, warnings being errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) clippy --lib --no-default-features --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked
	npm --prefix viewer run check

.PHONY: bench
bench: deps ## Measure against the rivals that are installed
	$(CARGO) bench --locked

.PHONY: soak
soak: deps fuzz ## Run the tests that take many minutes
	$(CARGO) test --release --locked --lib --test library --test memory --test command_line -- --ignored --test-threads 1 --nocapture

# Coverage instrumentation needs an unstable flag of rustc; sanitizers would need a nightly toolchain.
# The fuzz targets do not know where a fetched OpenSlide is.
.PHONY: fuzz
fuzz: deps ## Run each fuzz target for a minute
	command -v cargo-fuzz >/dev/null || $(CARGO) install cargo-fuzz --locked
	for target in $(notdir $(basename $(wildcard fuzz/fuzz_targets/*.rs))); do \
	LD_LIBRARY_PATH="$(CURDIR)/target/openslide/lib$${LD_LIBRARY_PATH:+:$$LD_LIBRARY_PATH}" \
	RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run --sanitizer none $$target -- -max_total_time=60 -rss_limit_mb=2048 || exit; done

# Cargo refuses the built page as not committed, so what is committed is checked here.
.PHONY: package
package: deps viewer/node_modules/.package-lock.json ## Build the crate as it is published, with the built page
	test -z "$$(git status --porcelain)" || { git status --short; exit 1; }
	npm --prefix viewer run build
	$(CARGO) package --package slidezoom --locked --allow-dirty

.PHONY: deps
deps: ## Install what building needs and this machine lacks (apt-get; OpenSlide into target/)
	@.setup/install

.PHONY: test-deps
test-deps: ## Install the browser that the tests of the page use, if that is possible here
	@.setup/install browser

.PHONY: clean
clean: ## Remove everything that was built or fetched
	rm -rf target viewer/dist viewer/node_modules

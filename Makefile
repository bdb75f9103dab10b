# The course's commands. `make help` lists them. Works with any make, on Debian and macOS.

VENV = .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check --quiet
SITE = _build/html
PORT = 8000
# One worker of the tests for each core. A file stays with one worker, which has its own browser.
WORKERS = -n logical --dist loadfile

# On Linux a plain `pip install torch` draws several GB for GPUs. The CPU build is taken from the
# configured package index if that offers it, else from PyTorch's own index, named here only.
# For another build in a new environment: make book TORCH=torch==2.13.0
TORCH_VERSION = $$(sed -n 's/^torch==//p' requirements.txt)
TORCH_CPU_INDEX = https://download.pytorch.org/whl/cpu
TORCH =

# What `make bench` measures, with nothing more said.
BENCHES = training decoding attention explorers laboratory

# The course multiplies small matrices. On a busy machine threads that wait for each other make
# that twenty times slower; one thread is as fast on an idle one.
export OPENBLAS_NUM_THREADS = 1
export OMP_NUM_THREADS = 1

.PHONY: help book zip serve lab class chapter test check bench format model film address clean

help: ## list these commands
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/\1:\2/p' Makefile | awk -F: '{ printf "  make %-9s %s\n", $$1, $$2 }'

book: $(VENV)/.reader ## build the site into _build/html (a few minutes the first time, then seconds)
	@$(BIN)/jupyter-book build . --warningiserror --nitpick --keep-going
	@echo
	@echo "The book is in $(SITE)/index.html. \`make serve\` serves it on http://127.0.0.1:$(PORT)/."

zip: book ## the whole site as one archive that works from a disk (_build/attend.zip)
	@$(BIN)/python scripts/archive.py

serve: ## serve the built site on this machine only (PORT=8000)
	@test -f $(SITE)/index.html || { echo "There is no site yet: run \`make book\` first."; exit 1; }
	@echo "The book is at http://127.0.0.1:$(PORT)/. Stop with Ctrl-C."
	@$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory $(SITE)

lab: $(VENV)/.reader ## open the notebooks in JupyterLab
	@sh scripts/lab/install.sh $(BIN)/python
	@$(BIN)/jupyter lab notebooks --LabApp.default_url=/lab/tree/begin-here.md \
	  $$([ "$$(id -u)" != 0 ] || echo --allow-root)

class: $(VENV)/.reader ## write the notebooks without their solutions into _build/class
	@$(BIN)/python scripts/class_notebooks.py

chapter: $(VENV)/.reader ## begin a chapter (NAME=norms TITLE="Norms and lengths")
	@$(BIN)/python scripts/chapter.py "$(NAME)" "$(TITLE)"

test: $(VENV)/.developer browser book ## everything - mathematics, notebooks, explorers, site (needs no preparation)
	@ATTEND_SITE=$(SITE) $(BIN)/python -m pytest $(WORKERS) --durations=80 --durations-min=2

check: $(VENV)/.developer ## lint, format, spelling, types and unit tests, in a few minutes
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/codespell
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q $(WORKERS) -m "not site and not notebook and not slow"

bench: $(VENV)/.bench browser ## measure against other libraries, or one of them (make bench explorers)
	@names="$(filter-out bench,$(MAKECMDGOALS))"; \
	for name in $${names:-$(BENCHES)}; do \
	  file=benchmarks/$$(echo $$name | sed s/^explorers$$/explorer_update/).py; \
	  test -f $$file || { echo "There is no $$file."; exit 1; }; \
	  echo "$$file"; env -u OPENBLAS_NUM_THREADS -u OMP_NUM_THREADS $(BIN)/python $$file || exit 1; done

.PHONY: $(BENCHES) multi30k
$(BENCHES) multi30k: # names that `make bench` takes
	@:

format: $(VENV)/.developer ## put the code into the form that `make check` asks for
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

model: $(VENV)/.developer ## train the translator by its recipe, and bring up to date what shows it (PAIRS=deu-eng.zip)
	@test -n "$(PAIRS)" || { echo "Say where the pairs are: make model PAIRS=deu-eng.zip (see README.md)."; exit 1; }
	@OMP_WAIT_POLICY=PASSIVE $(BIN)/python scripts/model.py --pairs $(PAIRS)

film: $(VENV)/.film ## draw the film of the home page anew (some minutes)
	@$(BIN)/python scripts/film.py

address: $(VENV)/.developer ## write the repository's address of pyproject.toml where it is copied
	@$(BIN)/python scripts/address.py

clean: ## remove the built site and the stored runs of the notebooks (keeps the environment)
	@rm -rf _build

.PHONY: browser
browser: $(VENV)/.developer
	@$(BIN)/python scripts/browser.py

# The environments. A stamp newer than the pins says that nothing is to be done.

$(VENV)/.created:
	@python=$$(sh scripts/find-python.sh) && echo "Making the environment $(VENV) with $$python." && \
	  $$python -m venv $(VENV) && $(PIP) install --upgrade pip
	@touch $@

$(VENV)/.torch: $(VENV)/.created requirements.txt
	@PIP="$(PIP)" INDEX="$(TORCH_CPU_INDEX)" sh scripts/install-torch.sh "$(TORCH_VERSION)" "$(TORCH)"
	@touch $@

$(VENV)/.reader: $(VENV)/.torch requirements.txt pyproject.toml
	@echo "Installing what the book needs."
	@$(PIP) install -r requirements.txt
	@mkdir -p $(VENV)/etc/ipython && cp scripts/quiet_kernel.py $(VENV)/etc/ipython/ipython_kernel_config.py
	@touch $@

$(VENV)/.developer: $(VENV)/.reader requirements-dev.txt
	@echo "Installing what the tests need."
	@$(PIP) install -r requirements-dev.txt
	@touch $@

$(VENV)/.bench: $(VENV)/.developer benchmarks/requirements.txt
	@echo "Installing what is measured beside the course."
	@$(PIP) install -r benchmarks/requirements.txt
	@touch $@

$(VENV)/.film: $(VENV)/.developer
	@echo "Installing the film's encoder."
	@$(PIP) install imageio-ffmpeg==0.6.0
	@touch $@

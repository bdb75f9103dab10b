"""The command at a terminal and in pipes: one line for a fault, an exit status, nothing lost."""

import os
import signal
import subprocess
import sys
import time

import pytest

import attend
from attend.__main__ import main, make_parser
from attend.console import words_of
from attend.translator.translator import shipped

GREEDY = ["translate", "--beam", "1"]
BARE = """import sys
sys.modules |= dict.fromkeys(["torch", "tqdm", "sacrebleu", "matplotlib", "ipywidgets"])
"""
PROGRAM = [sys.executable, "-m", "attend"]


def piped(text: bytes, *words: str, **given) -> subprocess.CompletedProcess:
    return subprocess.run([*PROGRAM, *words], input=text, capture_output=True, check=False, **given)


def test_a_bad_line_ends_no_other():
    long = "I want to go " * 30
    text = f"I am happy.\n\nЯ хочу пойти.\n{long}\n".encode() + b"\xe9\nGood night."
    done = piped(text, *GREEDY)
    lines = done.stdout.decode().split("\n")
    assert done.returncode == 2
    assert [bool(line) for line in lines] == [True, False, False, False, False, True, False]
    told = done.stderr.decode().splitlines()
    assert [line.split(":")[1] for line in told] == [f" line {n}" for n in (2, 3, 4, 5)]
    assert "not UTF-8" in told[3]


def test_lines_in_a_pipe_are_translated_as_one_by_one():
    lines = ["I am happy.", "Where is my cat? It is late.", "Good night."] * 5
    done = piped("\n".join(lines).encode(), *GREEDY)
    assert done.returncode == 0
    assert done.stdout.decode().splitlines() == [shipped()(line, beam=1) for line in lines]


def test_a_reader_that_leaves_hears_no_complaint():
    program = subprocess.Popen(
        [*PROGRAM, *GREEDY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    program.stdin.write(b"I am happy.\n")
    program.stdin.flush()
    assert program.stdout.readline()
    program.stdout.close()
    program.stdin.write(b"Good night.\n")
    program.stdin.close()
    assert program.stderr.read() == b""
    assert program.wait(30) == 141


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is full")
def test_a_full_disk_is_told_in_one_line():
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*PROGRAM, *GREEDY, "I am happy."], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (2, b"attend translate: No space left on device\n")


@pytest.mark.parametrize("closed", ["<&-", ">&-"])
def test_a_closed_end_is_told_in_one_line(closed):
    line = f"{sys.executable} -m attend translate {closed}"
    done = subprocess.run(
        ["sh", "-c", line], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith(b"attend translate: there is no")
    assert done.stderr.count(b"\n") == 1


def test_ctrl_c_is_told_in_one_line():
    program = subprocess.Popen(
        [*PROGRAM, *GREEDY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A shell lets what it runs in the background ignore the signal, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    program.stdin.write(b"I am happy.\n")
    program.stdin.flush()
    assert program.stdout.readline()
    time.sleep(0.1)
    program.send_signal(signal.SIGINT)
    assert program.wait(30) == 130
    assert program.stderr.read() == b"attend translate: interrupted\n"
    program.stdin.close()
    program.stdout.close()


@pytest.mark.parametrize("command", [[], ["translate"], ["train"], ["distill"], ["evaluate"]])
def test_help_and_missing_libraries_without_torch_and_sacrebleu(command):
    code = f"{BARE}from attend.__main__ import main\nsys.exit(main({[*command, '--help']!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0
    assert b"usage: attend" in done.stdout


@pytest.mark.parametrize(
    "words",
    [["train", "--folder", "x"], ["distill", "--folder", "x", "--model", "y"], ["evaluate"]],
)
def test_what_is_missing_is_named_with_what_brings_it(words):
    words = [*words, "--pairs", "a.tsv"]
    code = f"{BARE}from attend.__main__ import main\nsys.exit(main({words!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 2
    assert b'pip install "attend[train]"' in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_the_version_stands_once(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"attend {attend.__version__}\n"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('--pairs "my data/deu.zip"', ["--pairs", "my data/deu.zip"]),
        ("--pairs a#b.zip # a remark", ["--pairs", "a#b.zip"]),
        ('--pairs "#1.zip" "b # c"# d', ["--pairs", "#1.zip", "b # c#", "d"]),
        (r"--pairs C:\data\deu.zip", ["--pairs", r"C:\data\deu.zip"]),
        ("# it's a remark", []),
        ("", []),
    ],
)
def test_a_line_of_arguments(line, words):
    assert words_of(line) == words


def test_an_open_quotation_mark_is_told(tmp_path, capsys):
    (tmp_path / "a.args").write_text('--pairs "my data\n')
    with pytest.raises(SystemExit) as stopped:
        make_parser().parse_args(["train", f"@{tmp_path / 'a.args'}"])
    assert stopped.value.code == 2
    assert 'no closing quotation: --pairs "my data' in capsys.readouterr().err

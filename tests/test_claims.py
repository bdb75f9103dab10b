"""The ledger of claims: every claim on a page is proved by a test that ran and passed."""

import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from attend_course.site.claims import claims_on_pages, find_proofs

ROOT = Path(__file__).resolve().parents[1]


def test_every_claim_on_a_page_has_a_test():
    proved = {proof.claim for proof in find_proofs(ROOT)}
    missing = {name: pages for name, pages in claims_on_pages(ROOT).items() if name not in proved}
    assert not missing


def test_every_claim_in_a_test_is_on_a_page():
    marked = claims_on_pages(ROOT)
    assert not [proof.node_id for proof in find_proofs(ROOT) if proof.claim not in marked]


def test_statements_are_sentences():
    proofs = find_proofs(ROOT)
    assert proofs
    for proof in proofs:
        assert proof.statement[0].isupper(), proof
        assert proof.statement.endswith("."), proof


def run_proofs(root: Path, node_ids: list[str], report: Path) -> dict[str, list[str]]:
    """Run tests and return the outcome of each case, by the name of its function."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        f"--junitxml={report}",
    ]
    done = subprocess.run([*command, *node_ids], cwd=root, capture_output=True, text=True)
    if not report.exists():
        return {"pytest": [done.stdout + done.stderr]}
    found: dict[str, list[str]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        outcome = next((child.tag for child in case if child.tag != "properties"), "passed")
        place = case.get("classname", "").replace(".", "/")
        found.setdefault(f"{place}.py::{case.get('name', '').split('[')[0]}", []).append(outcome)
    return found


@pytest.mark.slow
def test_every_proof_was_collected_and_passed(tmp_path):
    names = [proof.node_id for proof in find_proofs(ROOT)]
    outcomes = run_proofs(ROOT, names, tmp_path / "report.xml")
    not_proved = {name: outcomes.get(name, ["not collected"]) for name in names}
    assert not {name: seen for name, seen in not_proved.items() if set(seen) != {"passed"}}


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("assert True", ["passed"]),
        ("assert False", ["failure"]),
        ("pytest.skip('not today')", ["skipped"]),
    ],
)
def test_an_outcome_is_what_happened(tmp_path, body, outcome):
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "test_it.py").write_text(f"import pytest\n\n\ndef test_one():\n    {body}\n")
    outcomes = run_proofs(tmp_path, ["tests/test_it.py::test_one"], tmp_path / "report.xml")
    assert outcomes == {"tests/test_it.py::test_one": outcome}


def test_a_test_that_is_gone_is_noticed(tmp_path):
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "test_it.py").write_text("def test_one():\n    pass\n")
    outcomes = run_proofs(tmp_path, ["tests/test_it.py::test_two"], tmp_path / "report.xml")
    assert "tests/test_it.py::test_two" not in outcomes


def test_a_claim_needs_its_statement(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_it.py").write_text(
        "import pytest\n\n@pytest.mark.claim('x')\ndef test_one():\n    pass\n"
    )
    with pytest.raises(ValueError, match="has no docstring"):
        find_proofs(tmp_path)

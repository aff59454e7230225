"""Lint the CloudFormation templates: ``python scripts/check_templates.py [--checkov PROGRAM] TEMPLATE...``.

Four linters, since each sees what the others don't: cfn-lint and AWS's own cloudformation-validate check that AWS
would take the template, checkov that it is safe, check_policies that its IAM policies say what they seem to. What is
waived, is waived in the template, beside its reason. Prints what they find and exits with 1 if they find anything.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

#: Information of cloudformation-validate (what an update would replace, where tags could be) is not a finding.
INFORMATION = "INFO"


def cfn_lint(templates: list[Path]) -> Iterator[str]:
    """What cfn-lint finds, one line each."""
    program = Path(sys.executable).with_name("cfn-lint")
    yield from _output([str(program), "--format", "parseable", "--", *map(str, templates)])


def cloudformation_validate(templates: list[Path]) -> Iterator[str]:
    """What AWS's validator finds from warnings up, one line each."""
    from cloudformation_validate import RegoEngine, Severity  # type: ignore[import-untyped]

    engine = RegoEngine()
    for template in templates:
        for found in engine.validate_template(str(template)).diagnostics:
            if found.severity.value > Severity[INFORMATION].value:
                yield f"{template}:{found.start_line or 1}: {found.rule_id}: {found.message}"


def policies(templates: list[Path]) -> Iterator[str]:
    """What is wrong with IAM policies, one line each; a template that can't be read is cfn-lint's to tell."""
    from cfnlint.decode.cfn_yaml import CfnParseError  # type: ignore[import-untyped]
    from check_policies import check_policies
    from yaml import YAMLError

    for template in templates:
        with contextlib.suppress(CfnParseError, YAMLError):
            yield from check_policies(template)


def checkov(program: str, templates: list[Path]) -> Iterator[str]:
    """What checkov finds, as it prints it; it asks nobody."""
    files = [argument for template in templates for argument in ("--file", str(template))]
    yield from _output([program, "--framework", "cloudformation", "--compact", "--quiet", "--skip-download", *files])


def _output(command: list[str]) -> Iterator[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    if done.returncode and not lines:
        raise SystemExit(f"{command[0]} failed: {done.stderr.strip()}")
    if done.returncode:
        yield from lines


def main() -> int:
    """Run the linters over the templates named on the command line."""
    parser = argparse.ArgumentParser(description="Lint CloudFormation templates.")
    parser.add_argument("--checkov", metavar="PROGRAM", help="checkov, in its own environment; left out if not given")
    parser.add_argument("templates", metavar="TEMPLATE", nargs="+", type=Path)
    arguments = parser.parse_args()
    found = [*cfn_lint(arguments.templates), *cloudformation_validate(arguments.templates)]
    found += policies(arguments.templates)
    if arguments.checkov:
        found += checkov(arguments.checkov, arguments.templates)
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

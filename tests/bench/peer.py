"""A process of another validator (pyfhircheck) that measures itself when asked: one line in, one line of milliseconds out.

`python peer.py PACKAGE DOCUMENT` loads the R4 core package and answers each line (a number of validations) with milliseconds of
processor time for one of them. What the validator prints itself goes nowhere.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path


def main() -> None:
    """Answers until there are no more lines."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    from pyfhircheck import Validator
    from pyfhircheck.config import ValidatorConfig

    document = Path(sys.argv[2]).read_bytes()
    validator = Validator(ValidatorConfig(local_package_paths=[sys.argv[1]]))
    validator.validate_resource(json.loads(document))
    for line in sys.stdin:
        start = time.process_time()
        for _ in range(int(line)):
            validator.validate_resource(json.loads(document))
        print((time.process_time() - start) * 1000 / int(line), file=answers, flush=True)


if __name__ == "__main__":
    main()

"""What holds for every test: generated input is the same in each run, and never timed."""

from __future__ import annotations

import os
import signal

from hypothesis import HealthCheck, settings

# A slow machine must not fail a test, nor may a test fail only now and then.  To search for
# more, run with `--hypothesis-profile=search`.
settings.register_profile(
    "suite",
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("search", deadline=None, max_examples=5000)
settings.load_profile("suite")

pytest_plugins = ["twisted_rpc.testing.fixtures"]

# No test leaves this machine, so none may go by a proxy unless it names one itself.
for _name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
    os.environ.pop(_name, None)

# Where this run was started in the background, SIGINT may be ignored, and every process of a
# test would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

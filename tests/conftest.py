"""What every test starts from: no keys, no ledger and no settings of the person who runs it, and none left there."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes is the machine's affair.
settings.register_profile("srae", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("srae")


@pytest.fixture(autouse=True, scope="session")
def nobodys_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Settings, keys and the ledger are kept in a folder of the test run's own; child processes inherit that."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        passphrases = "SRAE_PASSPHRASE", "SRAE_NEW_PASSPHRASE", "SRAE_IMPORT_PASSPHRASE"
        for variable in ("SRAE_ENDPOINT", "SRAE_LEDGER", "SRAE_KEYS", *passphrases):
            patch.delenv(variable, raising=False)
        patch.setenv("XDG_CONFIG_HOME", str(home / "config"))
        patch.setenv("XDG_DATA_HOME", str(home / "data"))
        yield

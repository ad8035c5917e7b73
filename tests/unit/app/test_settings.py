"""Settings: who has the last word, what is refused, and what is never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.config.setting_sources import resolve
from app.config.settings import KEYS, REDACTED, Settings, SettingsError


def faults_of(flags: dict[str, object] | None = None, config: Path | None = None, **environment: str) -> str:
    with pytest.raises(SettingsError) as refused:
        resolve(flags, environment, config)
    return str(refused.value)


def toml(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "holdfast.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_defaults_are_those_of_the_contract() -> None:
    settings = resolve({}, {}).settings
    assert (settings.topic_prefix, settings.group, settings.partitions) == ("", "holdfast", 8)
    assert (settings.metrics_host, settings.metrics_port) == ("127.0.0.1", 9108)
    assert settings.brokers == ()


def test_file_beats_default_environment_beats_file_flag_beats_environment(tmp_path: Path) -> None:
    path = toml(tmp_path, 'group = "file"\npartitions = 2\nbase_rate = 0.02\n')
    resolved = resolve(
        {"group": "flag", "partitions": None}, {"HOLDFAST_GROUP": "environment", "HOLDFAST_PARTITIONS": "3"}, path
    )
    assert (resolved.settings.group, resolved.settings.partitions, resolved.settings.base_rate) == ("flag", 3, 0.02)
    assert resolved.sources["group"] == "--group"
    assert resolved.sources["partitions"] == "environment HOLDFAST_PARTITIONS"
    assert resolved.sources["base_rate"] == f"file {path}"
    assert resolved.sources["log_level"] == "default"


def test_config_variable_names_the_file_and_the_flag_wins(tmp_path: Path) -> None:
    path = toml(tmp_path, 'group = "from-variable"')
    other = tmp_path / "other.toml"
    other.write_text('group = "from-flag"')
    assert resolve({}, {"HOLDFAST_CONFIG": str(path)}).settings.group == "from-variable"
    assert resolve({}, {"HOLDFAST_CONFIG": str(path)}, other).settings.group == "from-flag"


def test_tables_of_the_file_are_prefixes(tmp_path: Path) -> None:
    path = toml(tmp_path, '[metrics]\nport = 0\nhost = "0.0.0.0"\n')
    assert resolve({}, {}, path).settings.metrics_host == "0.0.0.0"


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [
        ("HOLDFAST_TOPIC_PREFX", "HOLDFAST_TOPIC_PREFIX"),
        ("HOLDFAST_BROKER", "HOLDFAST_BROKERS"),
        ("HOLDFAST_METRIC_PORT", "HOLDFAST_METRICS_PORT"),
        ("HOLDFAST_SASL_PASSWORD_FIL", "HOLDFAST_SASL_PASSWORD_FILE"),
        ("HOLDFAST_CONFG", "HOLDFAST_CONFIG"),
    ],
)
def test_unknown_variable_suggests_the_nearest(wrong: str, nearest: str) -> None:
    assert f"{wrong} is no setting: did you mean {nearest}?" in faults_of(**{wrong: "x"})


def test_unknown_key_of_the_file_suggests_the_nearest(tmp_path: Path) -> None:
    assert "did you mean partitions?" in faults_of(config=toml(tmp_path, "partition = 3"))


def test_unknown_variable_far_from_everything_still_refuses() -> None:
    assert "is no setting; `holdfast config show` lists them" in faults_of(HOLDFAST_QQQQQQ="1")


def test_variables_of_others_are_left_alone() -> None:
    assert resolve({}, {"PATH": "/bin", "HOLDFASTNESS": "x", "holdfast_group": "x"}).settings == Settings()


def test_every_fault_is_named_at_once() -> None:
    told = faults_of(HOLDFAST_PARTITIONS="many", HOLDFAST_METRICS_PORT="9.5", HOLDFAST_GRUOP="g")
    assert "HOLDFAST_PARTITIONS: expected a whole number, got 'many'" in told
    assert "HOLDFAST_METRICS_PORT" in told
    assert "HOLDFAST_GROUP?" in told


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HOLDFAST_PARTITIONS", "0"),
        ("HOLDFAST_METRICS_PORT", "65536"),
        ("HOLDFAST_BASE_RATE", "1.5"),
        ("HOLDFAST_BASE_RATE", "nan"),
        ("HOLDFAST_TOPIC_PREFIX", "a b"),
        ("HOLDFAST_BROKERS", "localhost"),
        ("HOLDFAST_BROKERS", "localhost:99999"),
        ("HOLDFAST_POISON_EXIT", "maybe"),
        ("HOLDFAST_SECURITY_PROTOCOL", "TLS"),
        ("HOLDFAST_LOG_LEVEL", "loud"),
        ("HOLDFAST_TIMEZONE", "Mars/Olympus"),
        ("HOLDFAST_POLICY", "/no/such/policy.toml"),
    ],
)
def test_out_of_range_is_refused_with_its_key(variable: str, value: str) -> None:
    told = faults_of(**{variable: value})
    assert variable.removeprefix("HOLDFAST_").lower() in told.lower()
    assert variable in told


def test_empty_variable_is_not_given() -> None:
    assert resolve({}, {"HOLDFAST_PARTITIONS": "", "HOLDFAST_BROKERS": ""}).settings.brokers == ()


def test_brokers_are_a_list() -> None:
    assert resolve({}, {"HOLDFAST_BROKERS": "a:1, b:2,"}).settings.bootstrap == "a:1,b:2"


def test_secret_is_refused_in_the_file(tmp_path: Path) -> None:
    told = faults_of(config=toml(tmp_path, 'sasl_password = "hunter2"'))
    assert "HOLDFAST_SASL_PASSWORD" in told
    assert "hunter2" not in told


@pytest.mark.parametrize("by", ["environment", "environment_file", "file_file"])
def test_secret_comes_by_environment_or_file_and_is_never_shown(tmp_path: Path, by: str) -> None:
    kept = tmp_path / "password"
    kept.write_text("hunter2\n")
    environment = {"HOLDFAST_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "HOLDFAST_SASL_USERNAME": "u"}
    config = None
    if by == "environment":
        environment["HOLDFAST_SASL_PASSWORD"] = "hunter2"
    elif by == "environment_file":
        environment["HOLDFAST_SASL_PASSWORD_FILE"] = str(kept)
    else:
        config = toml(tmp_path, f'sasl_password_file = "{kept}"')
    settings = resolve({}, environment, config).settings
    assert settings.kafka_client_kwargs()["sasl_plain_password"] == "hunter2"
    assert settings.redacted()["sasl_password"] == REDACTED
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(settings.redacted())


def test_missing_secret_file_is_named() -> None:
    assert "cannot read /no/such" in faults_of(HOLDFAST_SASL_PASSWORD_FILE="/no/such")


def test_sasl_without_user_is_refused() -> None:
    assert "sasl_username" in faults_of(HOLDFAST_SECURITY_PROTOCOL="SASL_SSL")


def test_kubernetes_service_links_are_not_typing_mistakes() -> None:
    links = {
        "HOLDFAST_SERVICE_HOST": "10.0.0.1",
        "HOLDFAST_PORT": "tcp://10.0.0.1:80",
        "HOLDFAST_PORT_9108_TCP_ADDR": "10.0.0.1",
        "HOLDFAST_CONSOLE_SERVICE_PORT_HTTP": "80",
    }
    assert resolve({}, links).settings == Settings()
    assert "enableServiceLinks" in faults_of(HOLDFAST_METRICS_PORT="tcp://10.0.0.1:9108")


def test_plain_text_kwargs_name_the_brokers_only() -> None:
    kwargs = resolve({}, {"HOLDFAST_BROKERS": "h:1"}).settings.kafka_client_kwargs()
    assert kwargs == {"bootstrap_servers": ["h:1"], "security_protocol": "PLAINTEXT"}


def test_tls_makes_a_context_that_checks_names() -> None:
    context = resolve({}, {"HOLDFAST_SECURITY_PROTOCOL": "ssl"}).settings.kafka_client_kwargs()["ssl_context"]
    assert context.check_hostname
    loose = resolve({}, {"HOLDFAST_SECURITY_PROTOCOL": "SSL", "HOLDFAST_SSL_CHECK_HOSTNAME": "no"}).settings
    assert loose.ssl_context() is not None
    assert not loose.ssl_context().check_hostname  # type: ignore[union-attr]


def test_broken_file_is_a_fault_not_a_traceback(tmp_path: Path) -> None:
    assert "is no TOML" in faults_of(config=toml(tmp_path, "group = "))
    assert "cannot read" in faults_of(config=tmp_path / "missing.toml")


def test_settings_are_frozen_and_every_key_has_a_help_text() -> None:
    with pytest.raises(AttributeError):
        Settings().group = "other"  # type: ignore[misc]
    assert all(each.help.endswith(".") for each in KEYS.values())

"""Layer: tests. What `deploy/` says, held to what the program knows; it cannot be run here, its entry points are."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from cli.__main__ import app
from cli.session.settings import ENVIRONMENT_PREFIX, KNOWN, resolve
from tests.postgres.server import run_psql

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
ROLES = ("init-database", "init-topics", "consume", "project", "publish")
WORK = {"consume": "appender", "project": "projector", "publish": "publisher"}  # What each does, by its role.


def manifests() -> list[dict[str, Any]]:
    kustomization = yaml.safe_load((DEPLOY / "kubernetes" / "kustomization.yaml").read_text())
    listed = set(kustomization["resources"])
    there = {path.name for path in (DEPLOY / "kubernetes").glob("*.yaml")} - {"kustomization.yaml"}
    assert listed == there
    return [one for name in sorted(listed) for one in yaml.safe_load_all((DEPLOY / "kubernetes" / name).read_text())]


MANIFESTS = manifests()
WORKLOADS = [one for one in MANIFESTS if one["kind"] in {"Deployment", "Job"}]
DEPLOYMENTS = [one for one in MANIFESTS if one["kind"] == "Deployment"]


def name_of(manifest: dict[str, Any]) -> str:
    return f"{manifest['kind']}-{manifest['metadata']['name']}"


def command_lines() -> Iterator[list[str]]:
    for role in ROLES:
        yield COMPOSE["services"][role]["command"]
    for workload in WORKLOADS:
        (container,) = workload["spec"]["template"]["spec"]["containers"]
        yield container["args"]


@pytest.mark.parametrize("line", [*command_lines()], ids=" ".join)
def test_every_entry_point_is_a_command_there_is(line: list[str]) -> None:
    command, _, _ = app.parse_args(line, exit_on_error=False, print_error=False)
    assert callable(command)


def environments() -> Iterator[dict[str, str]]:
    for role in ROLES:
        yield COMPOSE["services"][role]["environment"]
    kustomization = yaml.safe_load((DEPLOY / "kubernetes" / "kustomization.yaml").read_text())
    for generated in kustomization["configMapGenerator"]:
        yield dict(literal.split("=", 1) for literal in generated["literals"])


@pytest.mark.parametrize("environment", [*environments()])
def test_every_variable_is_a_setting_with_a_value_it_takes(environment: dict[str, str], tmp_path: Path) -> None:
    for name in environment:
        assert name.removeprefix(ENVIRONMENT_PREFIX).lower() in KNOWN, name
    settings = resolve({}, environment=environment, folder=tmp_path)
    assert settings.kafka["kafka_bootstrap"] != "127.0.0.1:9092"


def test_compose_starts_each_role_once_the_database_and_the_topics_are_there() -> None:
    services = COMPOSE["services"]
    assert set(services) == {"kafka", "postgres", "init-roles", *ROLES}
    for role in ("consume", "project", "publish"):
        conditions = {name: one["condition"] for name, one in services[role]["depends_on"].items()}
        assert conditions == dict.fromkeys(("init-roles", "init-topics"), "service_completed_successfully")
    for role in ROLES:
        assert services[role]["read_only"]
        assert services[role]["cap_drop"] == ["ALL"]
    assert services["init-roles"]["depends_on"] == {"init-database": {"condition": "service_completed_successfully"}}
    assert all("ports" not in service for service in services.values())


def test_compose_gives_each_process_a_role_of_its_own_that_may_do_its_work_and_no_more(postgres_url: str) -> None:
    services = COMPOSE["services"]
    (volume,) = services["init-roles"]["volumes"]
    script, mounted, mode = volume.split(":")
    assert mode == "ro"
    program, *options, _ = services["init-roles"]["command"]
    assert program == "psql"
    run_psql(postgres_url, *[option.replace(mounted, str(DEPLOY / script)) for option in options])
    used = {}
    for name in WORK:
        url = urlsplit(services[name]["environment"]["MERGE_LEDGER_DB"])
        assert f"--command=ALTER ROLE {url.username} PASSWORD '{url.password}'" in options
        used[name] = str(url.username)
    assert used == {name: f"merge_ledger_{role}" for name, role in WORK.items()}
    assert "MERGE_LEDGER_DB" not in services["init-topics"]["environment"]


def test_kubernetes_gives_each_process_a_secret_of_its_own() -> None:
    used = {}
    for workload in WORKLOADS:
        (container,) = workload["spec"]["template"]["spec"]["containers"]
        secrets = [source["secretRef"]["name"] for source in container["envFrom"] if "secretRef" in source]
        used[workload["metadata"]["name"]] = secrets
    roles = {"init-database": "owner", "init-topics": None, **WORK}
    assert used == {name: [f"merge-ledger-database-{role}"] if role else [] for name, role in roles.items()}
    said = (ROOT / "docs/kafka.md").read_text()
    for name, role in {**WORK, "init-database": "owner"}.items():
        row = f"| `merge-ledger-database-{role}` | `MERGE_LEDGER_DB` with the role `merge_ledger_{role}` | `{name}` |"
        assert row in said


def test_the_image_runs_as_nobody_in_particular_with_every_extra_it_needs() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    (user,) = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    extras = set(next(re.findall(r'"\.\[(.*)\]"', line)[0] for line in lines if '".[' in line).split(","))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {"kafka", "postgres"} <= extras <= set(project["optional-dependencies"])
    assert 'ENTRYPOINT ["merge-ledger"]' in lines
    assert "merge-ledger" in project["scripts"]


@pytest.mark.parametrize("workload", WORKLOADS, ids=name_of)
def test_a_pod_is_nobody_writes_nowhere_and_asks_nothing_of_the_cluster(workload: dict[str, Any]) -> None:
    pod = workload["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"requests", "limits"} <= container["resources"].keys()
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=name_of)
def test_a_deployment_is_probed_where_health_is_told_and_has_time_to_drain(deployment: dict[str, Any]) -> None:
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (port,) = container["ports"]
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": port["name"]}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": port["name"]}
    assert pod["terminationGracePeriodSeconds"] > 10
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == labels
    budgets = [one for one in MANIFESTS if one["kind"] == "PodDisruptionBudget"]
    assert [one["spec"]["maxUnavailable"] for one in budgets if one["spec"]["selector"]["matchLabels"] == labels] == [1]


def test_consumers_grow_with_the_lag_that_they_tell() -> None:
    (scaler,) = [one for one in MANIFESTS if one["kind"] == "HorizontalPodAutoscaler"]
    assert scaler["spec"]["scaleTargetRef"]["name"] == "consume"
    (metric,) = scaler["spec"]["metrics"]
    assert metric["pods"]["metric"]["name"] == "merge_ledger_lag_records"
    from consumers.operating.metrics import Meter  # noqa: PLC0415

    assert "# TYPE merge_ledger_lag_records gauge" in Meter().text()


def test_the_network_lets_in_questions_about_health_alone() -> None:
    (policy,) = [one for one in MANIFESTS if one["kind"] == "NetworkPolicy"]
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    (rule,) = policy["spec"]["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": 8080}]
    selected = policy["spec"]["podSelector"]["matchLabels"].items()
    for workload in WORKLOADS:
        assert selected <= workload["spec"]["template"]["metadata"]["labels"].items()

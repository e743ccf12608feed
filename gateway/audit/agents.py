"""The agents of an AuditEvent: who acted, through which client, for whom, and who held the data (R4 AuditEvent.agent; IHE BALP)."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from gateway.audit.facts import Entry
from gateway.audit.shapes import Shape, shapes

Json = dict[str, Any]
MACHINE_NAME, ADDRESS = "1", "2"  # R4 network-type

ROLES = {
    "source": "agent-source",
    "recipient": "agent-destination",
    "custodian": "agent-custodian",
    "client-source": "agent-source",
    "client-destination": "agent-destination",
    "server-source": "agent-source",
    "server-destination": "agent-destination",
    "application": "agent-application",
    "user": "agent-user",
    "organization": "agent-provider",
}


def of(entry: Entry, shape: Shape, site: str, kinds: Mapping[str, str]) -> list[Json]:
    """The agents of one event, 1..*: those of the shape that the facts name. A user, when there is one, is the requestor."""
    who = {name: _who(name, entry, site) for name in shape.agents}
    named = [name for name in shape.agents if who[name]]
    requestor = "user" if "user" in named else shape.requestor
    made = [_agent(name, who[name], entry, kinds) | {"requestor": name == requestor} for name in named]
    return made or [{"who": organisation(site), "requestor": False}]


def organisation(participant: str) -> Json:
    """A participant as a logical Reference: its id in the operator's directory."""
    return {"type": "Organization", "identifier": {"system": shapes().system("participant"), "value": participant}}


def recipient(entry: Entry) -> str:
    """Who gets the data: the recipient of a push, the asker of a pull; "" when nobody is named."""
    return entry.text("whom", "recipient") or (entry.text("who", "participant") if pulled(entry) else "")


def pulled(entry: Entry) -> bool:
    """Whether somebody asked, rather than sent."""
    return entry.text("how", "interaction") in shapes().pulls


def purposes(entry: Entry) -> list[Json]:
    """The purpose of use (v3-ActReason), 0..1."""
    purpose = entry.text("why", "purpose")
    return [{"coding": [{"system": shapes().system("purpose"), "code": purpose}]}] if purpose else []


def _who(name: str, entry: Entry, site: str) -> Json:
    participant = entry.text("who", "participant")
    if name == "user":
        return _identified("user", entry.text("who", "user"))
    if name.startswith("client") or name == "application":
        return _identified("client", entry.text("who", "client")) or (organisation(participant) if participant else {})
    if name.startswith("server"):
        return organisation(site)
    if name == "recipient":
        return organisation(recipient(entry)) if recipient(entry) else {}
    holder = site if pulled(entry) and name != "organization" else participant
    return organisation(holder) if holder else {}


def _identified(system: str, value: str) -> Json:
    return {"identifier": {"system": shapes().system(system), "value": value}} if value else {}


def _agent(name: str, who: Json, entry: Entry, kinds: Mapping[str, str]) -> Json:
    agent: Json = {"who": who}
    if name != "organization" or kinds.get(entry.text("who", "participant")) in shapes().providers:
        agent["type"] = {"coding": [shapes().coding(ROLES[name])]}
    if name == "user":
        agent |= _acting(entry)
    if name in ("application", "source") or name.startswith("client"):
        agent |= _network(entry)
    if name in ("source", "server-source", "server-destination", "application"):
        agent |= _policy(entry)
    return agent


def _acting(entry: Entry) -> Json:
    role = entry.text("who", "role")
    said = {"role": [{"text": role}] if role else [], "purposeOfUse": purposes(entry)}
    return {name: value for name, value in said.items() if value}


def _network(entry: Entry) -> Json:
    address = entry.text("where", "network")
    if not address:
        return {}
    try:
        ip_address(address)
    except ValueError:
        return {"network": {"address": address, "type": MACHINE_NAME}}
    return {"network": {"address": address, "type": ADDRESS}}


def _policy(entry: Entry) -> Json:
    """The statute or policy that allowed it, as the URI that agent.policy asks for."""
    legal = entry.text("why", "legal")
    if not legal or entry.text("why", "basis") == "consent":
        return {}
    uri = legal if ":" in legal else f"{shapes().system('policy')}:{legal}"
    return {"policy": ["".join(uri.split())]}

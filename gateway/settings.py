"""What a node is told from outside: environment variables `GATEWAY_…` (12-factor), nothing else."""

from __future__ import annotations

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """One node. Times in seconds."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", extra="ignore")

    data_dir: Path = Path("var")
    database_url: str = ""  # empty: SQLite below data_dir
    site: Path | None = None
    site_key_file: Path | None = None  # default: data_dir/keys/site.key
    host: str = "127.0.0.1"
    port: int = 8080
    console_loopback: bool = False  # people at this machine see the console without a key; never behind a proxy on it
    console_hosts: str = ""  # further names the console answers to, by comma (host or host:port)
    public_url: str = ""  # how callers write this gateway's address; empty: of this host and port
    jwks_loopback: bool = False  # key sets of clients may be fetched over plain http from this machine
    mllp_host: str = "127.0.0.1"
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_clients: Path | None = None  # CA of client certificates: mutual TLS
    queue: int = 256  # documents waiting for the CPU thread; more are refused as busy
    lease: float = 30.0
    idle_poll: float = 0.5  # pause of the delivery worker when nothing is due
    backoff_first: float = 1.0
    backoff_most: float = 3600.0
    give_up_after: float = 7 * 86400.0
    alarm_before: float = 7200.0  # how long before a deadline an undelivered report is called out
    log_level: str = "info"
    terminology_server: str = ""  # base URL of a FHIR terminology server that is asked last; empty: none
    terminology_systems: str = "http://snomed.info/sct,http://loinc.org"  # code systems it may be asked about, by comma
    terminology_deadline: float = 2.0  # for one question
    terminology_secret: Path | None = None  # a file with the bearer token for it

    @property
    def database(self) -> str:
        """The database URL in effect."""
        return self.database_url or f"sqlite:///{self.data_dir / 'gateway.db'}"

    @property
    def base(self) -> str:
        """The address in effect, without a slash at the end: issuer and audience of tokens."""
        scheme = "https" if self.tls_certificate else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url.rstrip("/") or f"{scheme}://{host}:{self.port}"

    @property
    def site_key(self) -> Path:
        """The site key file in effect."""
        return self.site_key_file or self.data_dir / "keys" / "site.key"

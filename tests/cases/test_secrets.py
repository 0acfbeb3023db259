"""No secret is shown, a terminal is obeyed by nobody else, and ``.env`` of others is told."""

from __future__ import annotations

import json
import logging
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, make_url

from json2db_sync import JSON2DBConfig, SyncRunner
from json2db_sync.config.sections import all_fields, variable_of
from json2db_sync.errors import SyncError
from json2db_sync.interfaces.cli.logs import OneLine
from json2db_sync.interfaces.cli.main import cli, main
from json2db_sync.interfaces.menu import answers as memory
from json2db_sync.interfaces.menu.prompts import dropped
from json2db_sync.interfaces.menu.tasks import command_line
from json2db_sync.masking import masked, masked_address

S = "S3cr3t"
NEAR = (
    f"postgresql:u:{S}@h/db", f"postgresql:/u:{S}@h/db", f"postgresql//u:{S}@h/db", f"postgres:\\\\u:{S}@h/db",
    f"//u:{S}@h/db", f"u:{S}@h/db", f"u:a@{S}@h", f":{S}@h/db", f"mysql:/u:{S}@h", f"POSTGRESQL:/u:{S}@h",
    f"postgresql+psycopg:/u:{S}@h", f"u:{S}%40@[::1]:5432/db", f"postgresql;//u:{S}@h/db",
)  # fmt: skip
"""Nearly URLs."""
OF_DRIVERS = (
    f"host=h password={S}", f"host = h password = 'a {S}'", f"password={S}", f"user=u password={S}", "host=h",
    f"password='a\\' {S}' host=h", f"Server=h;Password={S};Database=d", f"host=h;password={S}", f"password={S} host=h x",
)  # fmt: skip
URLS = (
    f"postgresql://u:{S}@h/db", f"postgresql://u:a@{S}@h/db", f"postgresql://:{S}@h/db", f"postgresql://u:a/{S}@h/db",
    f"postgresql+psycopg://u:{S}@[::1]:5432/db", f"postgresql://u:{S}%40%2F@h/db", f"POSTGRESQL://U:{S}@H/db",
    f"postgresql://h/db?password={S}", f"postgresql://h/db?pwd={S}&x=1", f"postgresql://h/db?x=1&passwd={S}",
    f"postgresql://h/db?x=1;sslpassword={S};y=2", f"postgresql://h/db?TOKEN={S}", f"postgresql://h/db?secret={S}#x",
    f"postgresql://h/db?p%61ssword={S}", f"postgresql://me@corp:{S}@h/db", f"jdbc:postgresql://h/db?user=u&password={S}",
    f"postgresql://u:a@b/{S}@h/db", f"postgresql://u:'{S}@h/db", f'postgresql://u:"{S}@h/db', f"mysql://u:{S}@h/db",
    f"postgresql://u:{S}@h1:1,h2:2/db", f"postgresql://u:a?b#{S}@h/db", f"postgresql://u:a:{S}@h:port/db",
)  # fmt: skip
OTHERS = (
    f'{{"password": "{S}"}}', f'{{"db_password":"a\\"{S}"}}', f'{{\\"password\\": \\"{S}\\"}}', f"{{'pwd': '{S}', 'a': 1}}",
    f"PGPASSWORD={S}", f"export PGPASSWORD='a {S}'", f'$env:PGPASSWORD = "{S}"', f"password: {S}", f"--password {S}",
    f"JSON2DB_DATABASE_PATH=postgresql://u:{S}@h/db", f"ALTER ROLE u PASSWORD '{S}'", f"access_token={S}",
    f"one postgresql://u:{S}@h/db, two postgresql://v:{S}@[::1]/db!", f"/tmp/postgresql:/u:{S}@h/db: no such folder",
    f"x?u=postgresql%3A%2F%2Fu%3A{S}%40h", f"password='a {S}", f"PASSWORD=a&{S}",
)  # fmt: skip
HONEST = (
    "data/a=b.db", r"C:\x.db", r"C:\me@home\x.db", "me@home/x.db", "./u:x@h.db", "data/u:x@h.db", "./host=h", "a=b.db",
    "10:30.db", "postgresql.db", "data/password.db",
)  # fmt: skip


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder to work in, with data and no settings but those of the test."""
    folder = tmp_path / "here"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "things.json").write_text('[{"id": 1, "a": "x"}]')
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in [name for name in os.environ if name.startswith("JSON2DB_")]:
        monkeypatch.delenv(name)
    return folder


def printed(*words: str) -> str:
    """All that a command says."""
    return CliRunner().invoke(cli, list(words)).output


def test_s6_every_way_to_write_a_password_is_masked():
    """Alone, and in a sentence; and what is masked stays as it is."""
    for text in (*NEAR, *OF_DRIVERS, *URLS, *OTHERS):
        for whole in (text, f"cannot open {text}: refused", f'"{text}"', f"({text})", f"a = {text!r} is wrong"):
            assert S not in masked(whole), whole
            assert masked(masked(whole)) == masked(whole)
        assert S not in masked_address(text)
        assert S not in str(SyncError(text, hint=text, file=text).__dict__)


HARMLESS = (
    *(path for path in HONEST if "u:x" not in path), "postgresql://u@h/db?options=-csearch_path%3Detl",
    "postgresql://h:5432/db?passfile=/x/y", "see http://host:80/path and mail me@x.y", "5 tokens = 7",
    "cannot read token: unexpected end", "password authentication failed", '{"email":"bob@x.y","a":"b:c"}',
    "10:30 me@x", "a.json:12 and bob@x", "/path/monkey=5/x", "sqlite:////a/b.db",
)  # fmt: skip


def test_s6_what_holds_no_password_is_shown_as_it_is():
    """Paths, sentences, records."""
    for text in HARMLESS:
        assert masked(text) == text


def test_s6_only_the_password_is_masked():
    """The rest says which database it is."""
    assert masked(URLS[0]) == "postgresql://u:***@h/db"
    assert masked(URLS[1]) == "postgresql://u:***@h/db"
    assert masked(f"host=h password={S} user=u") == "host=h password=*** user=u"
    assert masked_address(f"postgresql://u:a {S}/b@h/db") == "postgresql://u:***@h/db"


@given(st.text(st.sampled_from("u:@/?&=;'\" \\pasword.%40"), max_size=40))
def test_s6_whatever_else_a_password_holds(text):
    """In what is given as an address; and in a sentence, where blanks and quotes may end it."""
    for password in (f"{S}{text}", f"{text.strip('/@')}{S}"):
        assert S not in masked_address(f"postgresql://u:{password}@h/db")
        if not set(" '\"") & set(password):
            assert S not in masked(f"cannot open postgresql://u:{password}@h/db: refused")


def test_s6_masking_takes_no_time_on_hostile_texts():
    """Long runs of what its patterns look for end at once: they are cut."""
    for text in ("a:b," * 99999, "//" * 99999, "@a" * 99999, "password=' " * 99999, "pass_" * 99999, ":" * 99999):
        assert len(masked(f"{text}@")) < 10**6


def test_s21_what_resembles_an_address_is_no_file(here):
    """It is refused with the form of a URL: nothing of that name is made, and nothing shows the password."""
    before = sorted(here.rglob("*"))
    for text in (*NEAR, *OF_DRIVERS, f"u:a b{S}@h/db"):
        result = SyncRunner(text, "data").populate()
        assert result.reason == "invalid_database_url", text
        assert "postgresql://" in result.hint
        assert S not in result.to_json() + printed("populate", "--db-path", text, "--data-source", "data")
    assert sorted(here.rglob("*")) == before


def test_s21_a_path_is_a_path():
    """With = or @ or : in it; also one that resembles an address, where it or its folder is there or ./ before it."""
    for path in HONEST:
        assert SyncRunner(path, "data").populate().success
        assert Path(path).is_file()


def test_s21_a_file_that_is_there_is_a_file():
    """Whatever it is called."""
    for name in ("host=h", "u:x@h"):
        Path(name).touch()
        assert SyncRunner(name, "data").populate().success


def test_d36_an_at_in_a_password_is_told():
    """As the server's name it would be shown by everyone who looks for that."""
    for text in ("postgresql://u:se@cret@localhost/x", "postgresql://u:a@se/cret@localhost/x"):
        result = SyncRunner(text).status()
        assert "%40" in result.hint
        assert "cret" not in result.to_json()


def test_d37_a_path_dropped_into_a_prompt_loses_its_quotes(here):
    """As terminals write them: quoted, or with backslashes; what was typed otherwise stays."""
    assert dropped("'/a/my app.db' ") == "/a/my app.db"
    assert dropped('"/a/my app.db"') == "/a/my app.db"
    assert dropped(r"'/a/it'\''s.db'") == "/a/it's.db"
    for text in ("/a/my app.db", "it's.db", r"postgresql://u:a\b@h/d", "'a' 'b'", "'", ""):
        assert dropped(text) == text
    if os.sep == "/":
        assert dropped(r"/a/my\ app.db") == "/a/my app.db"
    Path("'x'").touch()
    assert dropped("'x'") == "'x'"


@pytest.mark.parametrize("text", [*URLS, *NEAR, *(text for text in OF_DRIVERS if S in text)])
def test_s6_errors_of_settings_do_not_show_them(monkeypatch, text):
    """The database where a section is wanted, a URL in another setting, and what shows the settings."""
    Path("c.json").write_text(json.dumps({"database": text}))
    Path("d.json").write_text(json.dumps({"schedule": {"jobs": {f"verify --db-path {shlex.quote(text)}": "day"}}}))
    Path("e.json").write_text(json.dumps({"database": {"path": [text]}}))
    Path("f.json").write_text(json.dumps({text: {}}))
    said = "".join(
        printed(*words, "--config-file", file)
        for file in ("c.json", "d.json", "e.json", "f.json")
        for words in (["config", "show"], ["config", "show", "--json"], ["schedule"])
    )
    assert "section" in said or "must hold settings" in said
    for variable in ("JSON2DB_BATCH_SIZE", "JSON2DB_API_SYNC_PATH", "JSON2DB_EXPORT_DIRECTORY", "JSON2DB_KEYS"):
        monkeypatch.setenv(variable, text)
        said += printed("config") + printed("status", "--json") + printed("analyze")
        monkeypatch.delenv(variable)
    monkeypatch.setenv("JSON2DB_DATABASE_PATH", text)
    said += printed("config") + printed("config", "show", "--json") + repr(JSON2DBConfig())
    assert S not in said


def test_s6_wrong_usage_does_not_show_passwords():
    """Where a URL was typed in a wrong place."""
    for words in (["populate", URLS[0]], ["populate", "--batch-size", URLS[1]], [URLS[2]], [f"--{OTHERS[4]}"]):
        assert S not in printed(*words) + printed(*words, "--json")


@pytest.mark.parametrize("text", [*URLS, *NEAR, *(text for text in OF_DRIVERS if S in text)])
def test_s6_no_password_comes_into_a_crontab(text):
    """Wherever in the command, or in the log's name, it stands; nor what is shown in place of one."""
    for words in (["--db-path", text], [f"--db-path={text}"], ["--log", f"x/{text}"]):
        said = printed("schedule", "verify", *words)
        assert S not in said
        assert "a password in a schedule" in said
    assert "a password in a schedule" in printed("schedule", "verify", "--db-path", "postgresql://u:***@h/db")


def test_s6_tracebacks_and_logs_hide_passwords():
    """What ends the program unexpectedly, in a thread too, and each line of a log."""
    program = f"""
import threading
from json2db_sync.interfaces.cli import main as module
module.cli = type("Broken", (), {{"main": lambda *a, **k: broken()}})
def broken():
    thread = threading.Thread(target=lambda: 1 / {{}}[{URLS[0]!r}])
    thread.start(), thread.join()
    raise RuntimeError("cannot use {URLS[1]} \\x1b[2J") from ValueError("password={S}")
module.main([])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "RuntimeError: cannot use postgresql://u:***@h/db" in done.stderr
    assert "KeyError" in done.stderr
    assert S not in done.stderr.replace(program, "")
    assert "\x1b" not in done.stderr
    record = logging.LogRecord("x", 20, "", 1, "opened %s\n2026 INFO forged", (URLS[0],), None)
    line = OneLine("%(message)s").format(record)
    assert line == "opened postgresql://u:***@h/db\\n2026 INFO forged"


def test_s6_the_menu_s_line_and_memory_hold_no_password():
    """What is the same as a task; and answers, in a file that only its owner reads."""
    for text in (*URLS, *NEAR):
        assert S not in command_line(["verify"], text, None) + repr(memory.Answers(database=text))
        memory.save(Path.cwd(), memory.Answers(database=text))
        assert S not in memory.state_file().read_text()
    if os.name == "posix":
        assert memory.state_file().stat().st_mode & 0o077 == 0


def test_s6_editing_what_is_shown_keeps_the_password():
    """The mask is never the password: it is put back, and refused where it stands for none that is known."""
    put_back = memory.with_passwords_of
    assert put_back(f"postgresql://u:{S}@h/db", "postgresql://u:***@h2/db") == f"postgresql://u:{S}@h2/db"
    assert put_back("postgresql://u:a%40b@h/db", "postgresql://u:***@h2/db") == "postgresql://u:a%40b@h2/db"
    assert put_back(f"postgresql://h/d?password={S}", "postgresql://h/e?password=***&x=1").endswith(
        f"/e?password={S}&x=1"
    )
    for known in ("x.db", "postgresql://u@h/db", "postgresql://h:x/y"):
        text = put_back(known, "postgresql://u:***@h2/db")
        assert SyncRunner(text).status().reason == "invalid_database_url"
    for text in ("postgresql://u:***@h/db", "postgresql://h/db?password=***", "host=h password=***", "u:***@h/db"):
        assert "***" in SyncRunner(text).status().error
    assert put_back(f"postgresql://u:{S}@h/db", "postgresql://u:new@h/db") == "postgresql://u:new@h/db"


CONTROLS = "\x1b\x07\x0b\x7f\x9b\u202e\u2066\u200e\u061c\u2028\r"


def test_s12_nothing_that_is_shown_moves_a_cursor(monkeypatch, capfdbinary):
    """Logs, settings and JSON for programs; the JSON says the same as before."""
    line = OneLine("%(message)s").format(logging.LogRecord("x", 20, "", 1, f"a{CONTROLS}\udc80b", (), None))
    assert line.isprintable()
    Path("c.json").write_text(json.dumps({"data_source": {"consolidated_path": f"x{CONTROLS}y"}}))
    said = printed("config", "show", "--config-file", "c.json")
    assert not set(CONTROLS) & set(said)
    Path("data/things.json").write_text(json.dumps([{"id": 1, "a": f"x{CONTROLS}"}]))
    assert SyncRunner("x.db", "data").populate().success
    capfdbinary.readouterr()
    assert main(["read", "things", "--db-path", "x.db"]) == 0
    out = capfdbinary.readouterr().out.decode()
    assert not set(CONTROLS) & set(out)
    assert json.loads(out)["a"] == f"x{CONTROLS}"
    assert main(["populate", "--db-path", "x.db", "--data-source", f"no{CONTROLS}", "--json"]) == 1
    done = capfdbinary.readouterr()
    assert not set(CONTROLS) & set((done.out + done.err).decode())
    assert main([f"no{CONTROLS}"]) == 2
    assert not set(CONTROLS) & set(capfdbinary.readouterr().err.decode())


def test_s13_a_dotenv_of_others_is_told():
    """Once a command, on stderr; in the results of status and config show. Of one's own nothing is said."""
    dotenv = Path(".env")
    dotenv.write_text(f"JSON2DB_DATABASE_PATH=x.db\n# postgresql://u:{S}@h/db\n")
    dotenv.chmod(0o600)
    for mode, code in (
        (0o600, None),
        (0o622, "settings_of_others"),
        (0o620, "settings_of_others"),
        (0o640, "password_readable"),
    ):
        dotenv.chmod(mode)
        for words in (["status", "--json"], ["config", "show", "--json"], ["config"]):
            done = CliRunner().invoke(cli, words)
            assert done.stderr.count("others may") == (code is not None)
            if "--json" in words:
                assert [note["code"] for note in json.loads(done.stdout)["notes"]] == ([code] if code else [])


def test_s13_a_dotenv_of_another_user_is_told(monkeypatch):
    """It is not ours, nor root's."""
    Path(".env").write_text("JSON2DB_DATABASE_PATH=x.db\n")
    Path(".env").chmod(0o600)
    if os.geteuid() == 0:
        os.chown(".env", 12345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert f"belongs to another user ({Path('.env').stat().st_uid})" in printed("config")


def test_s13_a_server_reads_no_dotenv():
    """Where it says so, ``.env`` is neither obeyed nor told."""
    Path(".env").write_text("JSON2DB_BATCH_SIZE=7\nJSON2DB_CONFIG_FILE=none.json\n")
    Path(".env").chmod(0o666)
    config = JSON2DBConfig(dotenv=False)
    assert config.processing.batch_size != 7
    assert config.notes == ()
    Path(".env").write_text("JSON2DB_BATCH_SIZE=7\n")
    assert JSON2DBConfig().processing.batch_size == 7


VALUE = "Zq7xT9vK2w"
"""A password that nothing else contains."""
OPERATIONS = (
    "analyze", "plan", "create-tables", "populate", "populate --json", "verify --full", "repair --dry-run", "report",
    "status", "status --json", "inspect --json", "export", "export --verify-only", "export --check", "read things",
    "runs --json", "runs show 1", "rejected --json", "rejected export --output r.jsonl --overwrite", "superseded", "gone", "backup", "backups --json",
    "full-workflow --json", "create-tables --recreate --yes", "schema infer --output s --overwrite", "schedule --json",
    "schedule verify --output units --format systemd --overwrite", "config", "config show --json", "generate-table-schemas",
)  # fmt: skip


OF_TWO = (
    "transfer - copy.db --dry-run", "transfer - copy.db", "transfer - copy.db --json", "transfer copy.db --mode replace --yes",
    "transfer other.db --certificate c2.json", "compare copy.db", "compare - other.db --json", "check-schema copy.db",
    "check-schema copy.db --fix --json",
)  # fmt: skip
"""Operations over two databases, of which DATABASE_URL names one."""


def everything(capfd, folder: Path, said: str = "") -> str:
    """All that came out: streams, and each file's name and bytes; but not what the test wrote."""
    told = capfd.readouterr()
    files = [path for path in folder.rglob("*") if path.name not in (".env", "c.json")]
    inside = "".join(path.read_bytes().decode("latin-1") for path in files if path.is_file())
    return said + told.out + told.err + "\n".join(map(str, files)) + inside


def run(line: str, *options: str) -> None:
    """An operation, whether it succeeds or fails."""
    if line.startswith(("config", "generate")) or (line.startswith("schedule") and "--json" in line):
        options = ()
    main([*shlex.split(line), *options, *(["-vv"] if "--json" not in line and not line.startswith("read") else [])])


def shapes(url: str) -> tuple[object, ...]:
    """What a setting may hold."""
    return url, [url], {url: url}, {"things": url}, {"things": [url]}, {"things": {"a": url}}, {"things.a": url}


@pytest.mark.slow
@pytest.mark.parametrize("shape", range(len(shapes(""))))
def test_s6_no_setting_s_password_comes_out(tmp_path, monkeypatch, capfd, shape):
    """A URL in every setting in turn, from a file and the environment: whatever fails or succeeds by it."""
    url = f"postgresql://u:{VALUE}@127.0.0.1:1/db?sslpassword={VALUE}"
    for name, section, setting, field in all_fields():
        value = shapes(url)[shape]
        Path("c.json").write_text(json.dumps({"database": {"path": "x.db"}, section: {setting: value}}))
        if setting != "path" or section != "database":
            for words in (
                "status --json",
                "config",
                "populate --data-source data",
                "export",
                "schedule",
                "inspect -vv",
            ):
                main([*shlex.split(words), "--config-file", "c.json"])
                assert VALUE not in everything(capfd, tmp_path), (name, words)
        monkeypatch.setenv(variable_of(field), value if isinstance(value, str) else json.dumps(value))
        for words in ("status", "config show --json", "populate --json", "schedule verify"):
            main(shlex.split(words))
            assert VALUE not in everything(capfd, tmp_path), (name, words)
        monkeypatch.delenv(variable_of(field))


@pytest.mark.parametrize("text", [*URLS[:13], *NEAR])
@pytest.mark.mostly_slow
def test_s6_no_operation_tells_the_password_of_a_database_that_is_not_reached(tmp_path, capfd, monkeypatch, text):
    """However the URL is written, and wherever: as an option, in .env, in a file."""
    url = text.replace(S, VALUE).replace("@h", "@127.0.0.1:1").replace("//h", "//127.0.0.1:1")
    for line in OPERATIONS if text == URLS[0] else ("status --json", "populate", "config", "export", "schedule verify"):
        run(line, "--db-path", url)
    monkeypatch.setenv("DATABASE_URL", url)
    for line in OF_TWO if text == URLS[0] else OF_TWO[:1]:
        run(line)
    Path(".env").write_text(f"JSON2DB_DATABASE_PATH='{url}'\nJSON2DB_LOG_FILE=run.log\nJSON2DB_API_SYNC_PATH=data\n")
    for line in ("status", "config show --json", "populate --json", "schedule verify", "read things", "backup"):
        run(line)
    Path(".env").write_text(f"JSON2DB_DATABASE_PATH='{url}\n{url}\nJSON2DB_{url}=1\n")
    run("status")
    assert VALUE not in everything(capfd, tmp_path)


@pytest.mark.parametrize("form", ["{0}", "{0}&sslpassword={2}", "{1}", "{3}"])
@pytest.mark.mostly_slow
def test_s6_no_operation_tells_the_password_of_a_server_s_user(
    postgres_server, postgres_url, tmp_path, capfd, monkeypatch, form
):
    """A role with a password: every operation, with what it writes; then after what makes it fail."""
    role = "r" + postgres_url.rsplit("/", 1)[1].lower()[:40]
    postgres_server.execute(f"CREATE ROLE \"{role}\" LOGIN SUPERUSER PASSWORD '{VALUE}'")
    url = make_url(postgres_url)
    engine = create_engine(url)
    plain = url.set(drivername="postgresql", username=role, password=VALUE)
    bare = plain.set(password=None).update_query_dict({"password": VALUE})
    forms = [one.render_as_string(hide_password=False) for one in (plain.update_query_dict({"x": "y"}), bare, plain)]
    address = form.format(*forms[:2], VALUE, forms[2].replace("postgresql:", "postgresql+psycopg:"))
    Path(".env").write_text("JSON2DB_LOG_FILE=run.log\nJSON2DB_LOG_LEVEL=DEBUG\nJSON2DB_API_SYNC_PATH=data\n")
    try:
        for line in OPERATIONS:
            run(line, "--db-path", address)
        monkeypatch.setenv("DATABASE_URL", address)
        for line in OF_TWO:
            run(line)
        with engine.connect() as connection:
            names = connection.exec_driver_sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").scalars()
            rows = [str(connection.exec_driver_sql(f'SELECT * FROM "{name}"').all()) for name in names.all()]
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.commit()
        for line in OPERATIONS:
            run(line, "--db-path", address)
        left = everything(capfd, tmp_path)
        assert VALUE not in left + "".join(rows)
        assert form != "{1}" or any("things" in row for row in rows)
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql(f'DROP OWNED BY "{role}" CASCADE')
            connection.exec_driver_sql(f'DROP ROLE "{role}"')
            connection.commit()
        engine.dispose()


def test_s6_what_was_loaded_from_tells_no_password(tmp_path, capfd):
    """A near-URL as the source of the data is told masked, by results, logs and the ledger."""
    Path(".env").write_text("JSON2DB_LOG_FILE=run.log\nJSON2DB_DATABASE_PATH=x.db\n")
    for source in (f"postgresql://u:{VALUE}@h/db", f"u:{VALUE}@h", f"host=h password={VALUE}"):
        for line in ("populate", "analyze --json", "inspect --json", "full-workflow", "schema infer", "repair"):
            run(line, "--data-source", source)
    assert VALUE not in everything(capfd, tmp_path)


def test_s6_the_menu_puts_the_password_back(monkeypatch):
    """Whoever edits the URL that is shown keeps its password; a mask of no known password is refused there."""
    from rich.console import Console

    from json2db_sync.interfaces.menu.forms import Form
    from json2db_sync.interfaces.menu.session import Session

    session = Session(Console(), db_path=f"postgresql://u:{VALUE}@127.0.0.1:1/db")
    problems: list[str | None] = []

    def edited(_message: str, before: str, *, check, **_more: object) -> str:
        assert before == "postgresql://u:***@127.0.0.1:1/db"
        problems.extend(map(check, ("postgresql://u:***@h2/db", "postgresql://u@h2/db?password=***")))
        return "postgresql://u:***@h2/db"

    monkeypatch.setattr(session.prompts, "text", edited)
    Form(session)._ask_database()
    assert session.database == f"postgresql://u:{VALUE}@h2/db"
    assert problems[0] is None
    assert "***" in str(problems[1])
    assert VALUE not in memory.state_file().read_text() + session.shown_database

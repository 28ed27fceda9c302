# SPDX-License-Identifier: BSD-2-Clause
"""What t-80 and t-81 do: a stand-in for nfsd on one side, a storage directory
on the other, and nfsdcld between them."""
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import nfsd
from nfsd import CREATE, GRACE_DONE, REMOVE, Nfsd

ROOM = os.environ["ROOM"]
OURS = os.environ["BUILD"] + "/cltrack/nfsdcld"
SHIM = os.environ["BUILD"] + "/tests/sys/pipeshim.so"
# A sanitizer wants to be loaded before the shim.
ASAN = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
PIPEFS = ROOM + "/pipefs"
STORAGE = ROOM + "/db"
LOG = ROOM + "/log"
WAIT_S = 30


def same(what, have, want):
    if have != want:
        sys.exit("FAILED: %s: have %r, want %r" % (what, have, want))
    print("ok: %s: %r" % (what, have))


def wait_for(what, is_true):
    end = time.monotonic() + WAIT_S
    while not is_true():
        if time.monotonic() > end:
            sys.exit("FAILED: waited in vain for " + what)
        time.sleep(0.05)


def command(*options):
    return [OURS, "-p", PIPEFS, "-s", STORAGE] + list(options)


def begin(*options):
    with open(LOG, "a") as log:
        return subprocess.Popen(command("-F", *options),
                                stdout=log, stderr=log,
                                env=dict(os.environ, LD_PRELOAD=SHIM,
                                         ASAN_OPTIONS=ASAN))


def log():
    with open(LOG) as file:
        return file.read()


def end(daemon):
    daemon.terminate()
    same("exit status", daemon.wait(), 0)


def ids(records):
    return sorted(ident.decode() for ident, _ in records)


def answers(kernel, xids):
    return [kernel.answer(xid) for xid in xids]


def is_one_file():
    return sorted(os.listdir(STORAGE)) == [".lock", "main.sqlite"]


def restarts():
    kernel = Nfsd(PIPEFS)
    daemon = begin()
    same("first start", ids(kernel.start()), [])
    same("creates", set(answers(kernel, [
        kernel.ask(CREATE, b"client %d" % i) for i in range(40)])), {0})
    same("with a hash", kernel.call(CREATE, b"krb", b"\x07" * 32), 0)
    same("remove", kernel.call(REMOVE, b"client 0"), 0)
    same("end of grace", kernel.call(GRACE_DONE), 0)
    kernel.stop()
    kernel = Nfsd(PIPEFS)
    records = kernel.start()
    same("who may reclaim", len(records), 40)
    same("the hash", dict(records)[b"krb"], b"\x07" * 32)
    same("reclaims", kernel.call(CREATE, b"krb", b"\x07" * 32), 0)
    end(daemon)
    same("database is one file", is_one_file(), True)
    kernel.stop()
    kernel = Nfsd(PIPEFS)
    daemon = begin("-d")
    same("a start in grace", len(kernel.start()), 40)
    same("reclaims", kernel.call(CREATE, b"krb", b"\x07" * 32), 0)
    same("end of grace", kernel.call(GRACE_DONE), 0)
    same("unknown command", kernel.call(77), -95)
    same("it goes on", kernel.call(CREATE, b"x" * 1024), 0)
    kernel.stop()
    kernel = Nfsd(PIPEFS)
    same("version 1", sorted(len(i) for i, _ in kernel.start(1)), [3, 1024])
    return kernel, daemon


def status(daemon):
    """Has the page written, and waits for it."""
    count = log().count("asked: Create")
    daemon.send_signal(signal.SIGUSR1)
    wait_for("the page", lambda: log().count("asked: Create") > count and
             log().endswith("\n"))


def ready():
    """Without -F the parent ends when the database is open, and not before."""
    shutil.rmtree(PIPEFS)
    same("without a pipe's directory", subprocess.call(
        command(), stderr=subprocess.DEVNULL), 1)
    os.makedirs(PIPEFS + "/nfsd")
    same("daemon", subprocess.call(command()), 0)
    same("ready with its database",
         os.path.exists(STORAGE + "/main.sqlite"), True)
    second = subprocess.run(command("-F"), stderr=subprocess.PIPE, text=True)
    same("a second one", second.returncode, 1)
    same("says who", "another nfsdcld" in second.stderr and
         "net:[" in second.stderr, True)
    pid = int(open(STORAGE + "/.lock").read().split()[1])
    os.kill(pid, signal.SIGTERM)
    wait_for("its end", is_one_file)
    wait_for("the lock", lambda: subprocess.call(
        command("--downgrade", "3"), stderr=subprocess.DEVNULL) == 0)
    with sqlite3.connect(STORAGE + "/main.sqlite") as db:
        same("schema", db.execute("SELECT value FROM parameters WHERE "
                                  "key = 'version'").fetchone()[0], "3")


def t_80():
    same("unknown option", subprocess.call(
        [OURS, "-Q"], stderr=subprocess.DEVNULL), 1)
    kernel, daemon = restarts()
    status(daemon)
    end(daemon)
    kernel.stop()
    ready()


def hold_database():
    """Another writer: what nfsdcld writes waits."""
    db = sqlite3.connect(STORAGE + "/main.sqlite", isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    return db


def killed_between():
    kernel = Nfsd(PIPEFS)
    daemon = begin()
    kernel.start()
    same("create", kernel.call(CREATE, b"answered"), 0)
    for round_ in range(3):
        blocker = hold_database()
        xids = [kernel.ask(CREATE, b"asked %d %d" % (round_, i))
                for i in range(5)]
        if round_ == 0:  # it is over once
            xids.append(kernel.ask(GRACE_DONE))
        # Answered by itself, so what came before it has been read.
        same("version", kernel.call(nfsd.GET_VERSION, version=1), 0)
        same("answered early", [x in kernel.answers for x in xids],
             [False] * len(xids))
        daemon.kill()
        daemon.wait()
        blocker.execute("ROLLBACK")
        blocker.close()
        wait_for("a holder", lambda: "is held open" in log())
        kernel.until(lambda: not kernel.readers, "the end of its pipe")
        same("held open", len(kernel.holders), 1)
        before = kernel.holders[0]
        daemon = begin()
        kernel.await_daemon()
        same("answered by the next", answers(kernel, xids),
             [0] * len(xids))
        # The next one's own cannot hold while the one before is there.
        kernel.until(lambda: len(kernel.holders) == 1 and
                     kernel.holders[0] is not before, "one holder")
        open(LOG, "w").close()
    kernel.stop()
    kernel = Nfsd(PIPEFS)
    same("who may reclaim", len(kernel.start()), 16)
    daemon.kill()
    daemon.wait()
    kernel.stop()
    # Upcalls of a pipe that is gone are nobody's.
    kernel = Nfsd(PIPEFS)
    daemon = begin()
    same("another nfsd", len(kernel.start()), 16)
    end(daemon)
    kernel.stop()


def fill(path):
    """To the last block."""
    filler = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(filler, b"\0" * 4096)
    except OSError:
        os.close(filler)


def full_disk():
    """A record that does not fit is an error, and is written later."""
    shutil.rmtree(STORAGE)
    os.mkdir(STORAGE, 0o700)
    subprocess.check_call(["mount", "-t", "tmpfs", "-o", "size=4m", "none",
                           STORAGE])
    kernel = Nfsd(PIPEFS)
    daemon = begin()
    kernel.start()
    same("create", kernel.call(CREATE, b"before"), 0)
    fill(STORAGE + "/filler")
    failed = [ident for ident in ((b"client %d" % i).ljust(1024, b".")
                                  for i in range(20))
              if kernel.call(CREATE, ident) != 0][:1]
    same("a record fails", len(failed), 1)
    same("it is said", "is not on the disk" in log(), True)
    os.unlink(STORAGE + "/filler")
    wait_for("what is owed", lambda: status(daemon) or
             "owed to the disk 0" in log())
    same("end of grace", kernel.call(GRACE_DONE), 0)
    daemon.kill()
    daemon.wait()
    kernel.stop()
    kernel = Nfsd(PIPEFS)
    daemon = begin()
    names = [ident for ident, _ in kernel.start()]
    same("both may reclaim", b"before" in names and failed[0] in names, True)
    end(daemon)


def t_81():
    killed_between()
    full_disk()


def main():
    try:
        {"t-80-nfsdcld": t_80, "t-81-nfsdcld-kill": t_81}[sys.argv[1]]()
    finally:
        if sys.exc_info()[0] is not None and os.path.exists(LOG):
            print(log())


main()

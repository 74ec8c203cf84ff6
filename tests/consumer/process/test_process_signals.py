"""Signals where a group is not alone in its process: forked children, and servers around it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap

import pytest

from tests.support.services import MEMORY_SERVICE

GROUP = MEMORY_SERVICE + textwrap.dedent(
    """
    import asyncio, contextlib, multiprocessing, os, signal, threading, time

    def publish():
        with Producer(config, transport=transport) as producer:
            producer.publish(EmailReceived(email_id="e"))

    def group():
        return ConsumerGroup("email-processor", handlers, config=config, transport=transport)

    def committed():
        return broker.committed("email-processor").get(("pat-emails", 0))
    """
)


@pytest.fixture
def start():
    """Run a program that begins with ``GROUP``."""
    running = []

    def begin(program):
        process = subprocess.Popen(
            [sys.executable, "-c", GROUP + textwrap.dedent(program)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # With the children that it may have left.
        process.communicate()


def line_of(process):
    said = process.stdout.readline()
    assert said, process.stderr.read()
    return said


@pytest.mark.parametrize("how", ["group().run()", "asyncio.run(group().serve())"])
def test_a_pool_that_a_handler_forks_ends_with_its_block(start, how):
    process = start(
        f"""
        fork = multiprocessing.get_context("fork")
        begun = fork.Event()

        def work():
            begun.set()
            time.sleep(60)

        @handlers.on(EmailReceived)
        def handle(event, ctx):
            with fork.Pool(1) as pool:
                pool.apply_async(work)
                begun.wait()
            say("pool ended")
            os.kill(os.getpid(), signal.SIGTERM)

        publish()
        {how}
        say("committed", committed())
        """
    )
    said, errors = process.communicate(timeout=60)
    assert said == "pool ended\ncommitted 1\n", errors


def test_a_forked_child_has_the_handlers_that_were_there_before_the_group(start):
    process = start(
        """
        def own(number, frame):
            pass

        signal.signal(signal.SIGTERM, own)

        @handlers.on(EmailReceived)
        def handle(event, ctx):
            child = os.fork()
            if not child:
                found = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)]
                os._exit(0 if found == [own, signal.default_int_handler] else 1)
            say("child", os.waitpid(child, 0)[1])
            os.kill(os.getpid(), signal.SIGTERM)

        publish()
        group().run()
        say("restored", signal.getsignal(signal.SIGTERM) is own)
        """
    )
    said, errors = process.communicate(timeout=60)
    assert said == "child 0\nrestored True\n", errors


SERVERS = {
    # As hypercorn and aiohttp do it.
    "a handler of the loop": """
        @contextlib.contextmanager
        def handling(stop):
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, stop.set)
            yield
        """,
    # As uvicorn does it: what it caught is raised again when all has ended.
    "a handler that is given back": """
        @contextlib.contextmanager
        def handling(stop):
            caught = []

            def handle(number, frame):
                caught.append(number)
                stop.set()

            before = {n: signal.signal(n, handle) for n in (signal.SIGTERM, signal.SIGINT)}
            yield
            for number, handler in before.items():
                signal.signal(number, handler)
            for number in caught:
                signal.raise_signal(number)
        """,
}
HANDLER = """
http_stopped = threading.Event()

@handlers.on(EmailReceived)
def handle(event, ctx):
    say("begun")
    assert http_stopped.wait(30)
    say("ended")
"""
SERVER = """
@contextlib.asynccontextmanager
async def lifespan():
    serving = asyncio.create_task(group().serve())
    await asyncio.sleep(0)
    yield
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving
    say("committed", committed())

async def http(stop):
    while not stop.is_set():
        await asyncio.sleep(0.01)
    say("http stopped")
    http_stopped.set()

async def server_first():
    stop = asyncio.Event()
    with handling(stop):
        async with lifespan():
            await http(stop)

async def group_first():
    stop = asyncio.Event()
    async with lifespan():
        while signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            await asyncio.sleep(0.01)
        handler = handling(stop)
        handler.__enter__()
        await http(stop)
    handler.__exit__(None, None, None)

publish()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("server", SERVERS)
def test_one_signal_ends_a_server_and_the_group_in_its_lifespan(start, server, number):
    program = textwrap.dedent(SERVERS[server]) + HANDLER + SERVER + "asyncio.run(server_first())"
    process = start(program)
    assert line_of(process) == "begun\n"
    process.send_signal(number)
    said, errors = process.communicate(timeout=60)
    assert said == "http stopped\nended\ncommitted 1\n", errors
    assert process.returncode in {0, -number}


def test_a_server_that_comes_after_the_group_keeps_its_handlers_and_can_give_them_back(start):
    program = textwrap.dedent(SERVERS["a handler that is given back"]) + HANDLER + SERVER
    process = start(program + "asyncio.run(group_first())\nsay('went on')")
    assert line_of(process) == "begun\n"
    process.send_signal(signal.SIGTERM)
    said, errors = process.communicate(timeout=60)
    assert said == "http stopped\nended\ncommitted 1\n", errors
    assert process.returncode == -signal.SIGTERM

"""The main story, disturbed: killed collector, killed agents, agents with certificates of a wrong authority."""

import concurrent.futures
import functools
import os
import re
import signal
import time

import authority as authorities
import bench
import daemon
import fleet as fleets
import lab_test_case
import story

REFUSED = r"(?i)(certificate|handshake|tls|ssl)"


class Disturbed(lab_test_case.LabTestCase):
    """Base class: each test below plays the story once and disturbs it before some of the steps."""

    def play(self, before, prepare=lambda built: None, **options):
        """`before` holds functions of the bench by the name of the step before which they are called."""
        directory = os.path.join(self.directory(), self._testMethodName)
        built = self.enterContext(bench.Bench(lab_test_case.binaries, directory, **options))
        prepare(built)
        calls = {step: functools.partial(call, built) for step, call in before.items()}
        played = story.Story(built.fleet, self.transcript(), calls)
        self.addCleanup(played.close)
        played.play()
        return built, played


class CollectorKilled(Disturbed):
    def test_collector_killed_during_hops_one_complete_path(self):
        """The collector is down while the intruder hops to web, and is killed once more right before the last hop."""
        def kill(built):
            built.collector.kill()

        def start(built):
            built.collector.start()

        built, played = self.play({"hop_to_web": kill, "leave_web": start, "hop_to_vault": kill,
                                   "administrator_leaves": start})
        incident, _ = story.check_all(self, built.api, played, strict=False)
        self.assertEqual(len({each.event["dedup_key"] for each in built.pagerduty.accepted()}), 1)
        self.assertEqual([each.problems for each in built.pagerduty.deliveries() if each.problems], [])
        self.assertEqual(self.duplicates(built), [], "reported twice after the restart")
        self.assertTrue(incident["name"])

    @staticmethod
    def duplicates(built):
        keys = [hop["server"]["hop_key"] for hop in built.api.hops() if hop.get("server")]
        return sorted({key for key in keys if key and keys.count(key) > 1})


class CollectorKilledOften(Disturbed):
    def test_collector_killed_fifteen_times_in_thirty_seconds_one_complete_path(self):
        """The kills hit hello, batch, commit and page at random."""
        directory = os.path.join(self.directory(), self._testMethodName)
        built = self.enterContext(bench.Bench(lab_test_case.binaries, directory))
        played = story.Story(built.fleet, self.transcript())
        self.addCleanup(played.close)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            player = pool.submit(played.play)
            began = time.monotonic()
            for number in range(15):
                time.sleep(max(0.0, began + 2.0 * number + 1.5 - time.monotonic()))
                built.collector.kill()
                built.collector.start()
            player.result()
        self.assertGreaterEqual(built.collector.log().count("restored"), 16)
        built.wait_connected(timeout=60.0)
        incident, _ = story.check_all(self, built.api, played, strict=False)
        self.assertEqual({each.event["dedup_key"] for each in built.pagerduty.accepted()}, {incident["name"]})
        self.assertEqual([each.problems for each in built.pagerduty.deliveries() if each.problems], [])
        self.assertEqual(CollectorKilled.duplicates(built), [], "reported twice after a restart")
        self.assertEqual([host["degradations"] for host in built.api.hosts().values() if host["degradations"]], [],
                         "hosts are degraded, for example as clones")


class CollectorStopped(Disturbed):
    def test_collector_stopped_for_sixty_seconds_no_blinding_detection(self):
        """The collector neither answers nor ends while the intruder works."""
        def stop(built):
            built.collector.process.send_signal(signal.SIGSTOP)
            self.stopped = time.monotonic()

        def go_on(built):
            time.sleep(max(0.0, self.stopped + 60.0 - time.monotonic()))
            built.collector.process.send_signal(signal.SIGCONT)

        built, played = self.play({"hop_to_web": stop, "administrator_leaves": go_on})
        built.wait_connected(timeout=60.0)
        story.check_all(self, built.api, played, strict=False)
        self.assertEqual(CollectorKilled.duplicates(built), [])
        self.assertEqual([each["summary"] for each in built.api.detections() if each["rule"] == "blinding"], [])
        self.assertEqual([host["degradations"] for host in built.api.hosts().values() if host["degradations"]], [])


class RootHostConnectsLast(Disturbed):
    def test_root_host_connects_after_others_one_page(self):
        """No agent is connected while the intruder works. Then the root's host connects seconds after the others. The
        others' part of the path is worth a page by itself, and so is the guessed password at the root."""
        def kill(built):
            built.collector.kill()

        def connect_the_root_last(built):
            built.agents["gw"].kill()
            built.collector.start()
            others = [name for name in built.agents if name != "gw"]
            daemon.wait(lambda: all(host["state"] == "CONNECTED" for name, host in built.api.hosts().items()
                                    if name in others), "the others to be connected", 30.0)
            daemon.wait(built.api.incidents, "an incident from the others' records", 10.0)
            time.sleep(3.0)
            self.assertEqual(built.pagerduty.deliveries(), [], "paged before the root's host was connected")
            built.agents["gw"].start()
            built.wait_connected(["gw"])

        built, played = self.play({"guess_passwords": kill, "administrator_leaves": connect_the_root_last})
        built.wait_connected()  # a busy machine may take longer to start an agent than the checks wait
        incident, _ = story.check_all(self, built.api, played, strict=False)
        built.pagerduty.wait_until(lambda deliveries: any(each.accepted for each in deliveries))
        time.sleep(2.0)  # a second page would come with the first
        self.assertEqual({each.event["dedup_key"] for each in built.pagerduty.accepted()}, {incident["name"]})
        first = built.pagerduty.accepted()[0].event["payload"]["custom_details"]["path"]
        self.assertEqual([step["host"] for step in first], story.PATH_HOSTS, "path of the first page")


class AgentsKilled(Disturbed):
    def test_agents_killed_between_hops_path_is_complete(self):
        """Each agent is killed when it alone knows the session from which the next hop starts."""
        victims = {"hop_to_web": "gw", "hop_to_db": "web", "administrator_works": "db", "hop_to_vault": "vault"}
        built, played = self.play({step: lambda built, name=name: built.restart_agent(name)
                                   for step, name in victims.items()})
        story.check_all(self, built.api, played, strict=False, killed="vault")


class WrongAuthority(Disturbed):
    def test_agents_of_wrong_authority_are_refused_and_send_all_after_correction(self):
        def prepare(built):
            wrong = authorities.Authority(os.path.join(built.fleet.directory, "wrong-certificates"))
            for agent in built.agents.values():
                agent.install_certificates(built.authority.ca, wrong)
                agent.start()
            for agent in built.agents.values():
                agent.wait_for_log(REFUSED)
                agent.wait_for_log(r"watching \w+ \(")  # before the intruder begins to guess

        built, played = self.play({}, prepare, start_agents=False)
        self.assertEqual(built.api.hosts(), {}, "an agent with a wrong authority's certificate was accepted")
        self.assertEqual(built.api.sessions(), [])
        for agent in built.agents.values():
            with self.subTest(agent=agent.name):
                self.assertTrue(agent.running(), "the agent gave up")
                says_why = [line for line in agent.log().splitlines()
                            if re.search(REFUSED, line) and re.search(r"(?i)(error|warn|unavailable|refused|\b[EW])",
                                                                      line)]
                self.assertTrue(says_why, "the agent does not log why it is refused")
        for agent in built.agents.values():
            agent.install_certificates(built.authority.ca, built.authority)
            agent.stop()
            agent.start()
        built.wait_connected(timeout=60.0)
        daemon.wait(lambda: all(int(host["spooled"]) == 0 for host in built.api.hosts().values())
                    or built.api.incidents(), "the spools to be sent", 60.0)
        story.check_all(self, built.api, played, strict=False)
        self.assertEqual(set(built.api.hosts()), set(fleets.AGENT_HOSTS))

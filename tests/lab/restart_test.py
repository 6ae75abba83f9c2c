"""The main story, disturbed: killed collector, killed agents, agents that nobody may believe yet."""

import concurrent.futures
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
    """Not a test by itself: each test below plays the story once, with its own trouble before some of the steps."""

    def play(self, before, prepare=lambda built: None, **options):
        directory = os.path.join(self.directory(), self._testMethodName)
        built = self.enterContext(bench.Bench(lab_test_case.binaries, directory, **options))
        prepare(built)
        played = story.Story(built.fleet, self.transcript(), lambda step: before(built, step))
        self.addCleanup(played.close)
        played.play()
        return built, played


class CollectorKilled(Disturbed):
    def test_killed_and_started_again_between_hops(self):
        """It is down while the intruder hops to web, and killed once more right before the last hop."""
        def before(built, step):
            if step in ("hop_to_web", "hop_to_vault"):
                built.collector.kill()
            if step in ("leave_web", "administrator_leaves"):
                built.collector.start()

        built, played = self.play(before)
        incident, _ = story.check_all(self, built.api, played, strict=False)
        self.assertEqual(len({each.event["dedup_key"] for each in built.pagerduty.accepted()}), 1)
        self.assertEqual([each.problems for each in built.pagerduty.deliveries() if each.problems], [])
        self.assertEqual(self.duplicates(built), [], "told twice after the restart")
        self.assertTrue(incident["name"])

    @staticmethod
    def duplicates(built):
        names = [hop["server"]["hop_key"] for hop in built.api.hops() if hop.get("server")]
        return sorted({name for name in names if name and names.count(name) > 1})


class CollectorKilledOften(Disturbed):
    def test_fifteen_times_in_thirty_seconds_of_an_intrusion(self):
        """Whatever is going on at that moment: hello, batch, commit, page."""
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
        self.assertEqual(CollectorKilled.duplicates(built), [], "told twice after a restart")
        self.assertEqual([host["degradations"] for host in built.api.hosts().values() if host["degradations"]], [],
                         "the agents are taken for clones, or worse")


class CollectorStopped(Disturbed):
    def test_for_sixty_seconds(self):
        """It neither answers nor ends; the intruder works meanwhile. Nobody is accused of the silence."""
        def before(built, step):
            if step == "hop_to_web":
                built.collector.process.send_signal(signal.SIGSTOP)
                self.stopped = time.monotonic()
            if step == "administrator_leaves":
                time.sleep(max(0.0, self.stopped + 60.0 - time.monotonic()))
                built.collector.process.send_signal(signal.SIGCONT)

        built, played = self.play(before)
        built.wait_connected(timeout=60.0)
        story.check_all(self, built.api, played, strict=False)
        self.assertEqual(CollectorKilled.duplicates(built), [])
        self.assertEqual([each["summary"] for each in built.api.detections() if each["rule"] == "blinding"], [])
        self.assertEqual([host["degradations"] for host in built.api.hosts().values() if host["degradations"]], [])


class BeginningHeardLast(Disturbed):
    def test_one_page_all_the_same(self):
        """Nobody is heard while the intruder works; then the host that he began at is heard seconds after the others,
        whose part of the path is worth a page by itself, as the guessed password at the beginning is too."""
        def before(built, step):
            if step == "guess_passwords":
                built.collector.kill()
            if step == "administrator_leaves":
                built.agents["gw"].kill()
                built.collector.start()
                others = [name for name in built.agents if name != "gw"]
                daemon.wait(lambda: all(host["state"] == "CONNECTED" for name, host in built.api.hosts().items()
                                        if name in others), "the others to be connected", 30.0)
                daemon.wait(built.api.incidents, "an incident of what the others know", 10.0)
                time.sleep(3.0)
                self.assertEqual(built.pagerduty.deliveries(), [], "paged before the beginning was heard")
                built.agents["gw"].start()
                built.wait_connected(["gw"])

        built, played = self.play(before)
        built.wait_connected()  # a busy machine takes longer to start an agent than the checks wait for news
        incident, _ = story.check_all(self, built.api, played, strict=False)
        built.pagerduty.wait_until(lambda deliveries: any(each.accepted for each in deliveries))
        time.sleep(2.0)  # a second page would come with the first
        self.assertEqual({each.event["dedup_key"] for each in built.pagerduty.accepted()}, {incident["name"]})
        first = built.pagerduty.accepted()[0].event["payload"]["custom_details"]["path"]
        self.assertEqual([step["host"] for step in first], story.PATH_HOSTS, "the first page has the whole path")


class AgentsKilled(Disturbed):
    def test_each_killed_and_started_again_between_two_hops(self):
        """Each when it alone knows something: the session that the next hop starts from."""
        victims = {"hop_to_web": "gw", "hop_to_db": "web", "administrator_works": "db", "hop_to_vault": "vault"}

        def before(built, step):
            if step in victims:
                built.restart_agent(victims[step])

        built, played = self.play(before)
        story.check_all(self, built.api, played, strict=False)


class WrongAuthority(Disturbed):
    def test_nothing_is_accepted_until_it_is_put_right(self):
        def prepare(built):
            self.stranger = authorities.Authority(os.path.join(built.fleet.directory, "strangers-certificates"))
            for agent in built.agents.values():
                agent.install_certificates(built.authority.ca, self.stranger)
                agent.start()
            for agent in built.agents.values():
                agent.wait_for_log(REFUSED)
                agent.wait_for_log(r"watching \w+ \(")  # or the guesses may be over before anybody looks

        built, played = self.play(lambda built, step: None, prepare, start_agents=False)
        self.assertEqual(built.api.hosts(), {}, "an agent with a stranger's certificate was heard")
        self.assertEqual(built.api.sessions(), [])
        for agent in built.agents.values():
            with self.subTest(agent=agent.name):
                self.assertTrue(agent.running(), "the agent gave up")
                says_why = [line for line in agent.log().splitlines()
                            if re.search(REFUSED, line) and re.search(r"(?i)(error|warn|unavailable|refused|\b[EW])",
                                                                      line)]
                self.assertTrue(says_why, "the agent does not say why it is not heard")
        for agent in built.agents.values():
            agent.install_certificates(built.authority.ca, built.authority)
            agent.stop()
            agent.start()
        built.wait_connected(timeout=60.0)
        daemon.wait(lambda: all(int(host["spooled"]) == 0 for host in built.api.hosts().values())
                    or built.api.incidents(), "the spools to be heard", 60.0)
        story.check_all(self, built.api, played, strict=False)
        self.assertEqual(set(built.api.hosts()), set(fleets.AGENT_HOSTS))

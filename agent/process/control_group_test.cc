#include "agent/process/control_group.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace hoptrail::agent::process {
namespace {

#define ID "3f2a1b4c5d6e7f80910a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f70"
#define OTHER "aa11bb22cc33dd44ee55ff6600112233445566778899aabbccddeeff00112233"
#define POD "8d2f6a1e-0c1b-4f5d-9a3e-7b6c5d4e3f2a"
#define POD_ "8d2f6a1e_0c1b_4f5d_9a3e_7b6c5d4e3f2a"

struct Form {
  const char* what;
  std::vector<std::string> paths;
  const char* container;
  const char* unit;
};

const std::vector<Form>& Forms() {
  static const auto* const forms = new std::vector<Form>{
      // systemd, version 2.
      {"a service", {"/system.slice/nginx.service"}, "", "nginx.service"},
      {"an instance of a template",
       {"/system.slice/system-getty.slice/getty@tty1.service"},
       "",
       "getty@tty1.service"},
      {"a service with groups of its own",
       {"/system.slice/php8.2-fpm.service/workers/3"},
       "",
       "php8.2-fpm.service"},
      {"an escaped name",
       {"/system.slice/system-systemd\\x2dfsck.slice/systemd-fsck@dev-disk-by\\x2duuid-1.service"},
       "",
       "systemd-fsck@dev-disk-by\\x2duuid-1.service"},
      {"a name that could clash with a cgroup file",
       {"/system.slice/_cpu.service"},
       "",
       "cpu.service"},
      {"a mount's helper", {"/system.slice/srv-data.mount"}, "", "srv-data.mount"},
      {"process 1", {"/init.scope"}, "", ""},
      {"a login", {"/user.slice/user-1000.slice/session-3.scope"}, "", "session-3.scope"},
      {"the manager of a user's services",
       {"/user.slice/user-1000.slice/user@1000.service/init.scope"},
       "",
       "user@1000.service"},
      {"a user's service",
       {"/user.slice/user-1000.slice/user@1000.service/app.slice/backup.service"},
       "",
       "backup.service"},
      {"systemd-run --scope", {"/system.slice/run-r5d1c.scope"}, "", "run-r5d1c.scope"},
      {"a slice alone", {"/system.slice"}, "", ""},
      {"the root", {"/"}, "", ""},
      {"nothing", {}, "", ""},
      // Other managers.
      {"OpenRC, version 2", {"/openrc.sshd"}, "", ""},
      {"a group that a program created", {"/process_api/76ffa66c7e33174523bd5794595159f0"}, "", ""},
      // Docker.
      {"docker by systemd", {"/system.slice/docker-" ID ".scope"}, ID, ""},
      {"docker by cgroupfs, version 1",
       {"/docker/" ID, "/docker/" ID, "/docker/" ID, "/system.slice/containerd.service"},
       ID,
       "containerd.service"},
      {"docker, hybrid: the manager's tree says less",
       {"/system.slice/docker.service", "/docker/" ID},
       ID,
       "docker.service"},
      {"docker without root",
       {"/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" ID ".scope"},
       ID,
       "user@1000.service"},
      {"systemd in docker", {"/system.slice/docker-" ID ".scope/system.slice/app.service"}, ID, ""},
      {"docker in docker", {"/docker/" OTHER "/docker/" ID}, ID, ""},
      {"docker's own shim", {"/system.slice/containerd.service"}, "", "containerd.service"},
      {"from within a namespace of groups", {"/../docker-" ID ".scope"}, ID, ""},
      // Kubernetes.
      {"containerd by systemd",
       {"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" POD_
        ".slice/cri-containerd-" ID ".scope"},
       ID,
       ""},
      {"a guaranteed pod",
       {"/kubepods.slice/kubepods-pod" POD_ ".slice/cri-containerd-" ID ".scope"},
       ID,
       ""},
      {"containerd by cgroupfs", {"/kubepods/besteffort/pod" POD "/" ID}, ID, ""},
      {"CRI-O",
       {"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" POD_ ".slice/crio-" ID
        ".scope/container"},
       ID,
       ""},
      {"CRI-O's conmon",
       {"/kubepods.slice/kubepods-pod" POD_ ".slice/crio-conmon-" ID ".scope"},
       "",
       "crio-conmon-" ID ".scope"},
      {"docker behind the CRI",
       {"/kubepods.slice/kubepods-pod" POD_ ".slice/docker-" ID ".scope"},
       ID,
       ""},
      {"a pod in a node that is a container (kind)",
       {"/system.slice/docker-" OTHER ".scope/kubelet.slice/kubelet-kubepods.slice/"
        "kubelet-kubepods-pod" POD_ ".slice/cri-containerd-" ID ".scope"},
       ID,
       ""},
      {"a pod itself", {"/kubepods.slice/kubepods-pod" POD_ ".slice"}, "", ""},
      {"the kubelet", {"/system.slice/kubelet.service"}, "", "kubelet.service"},
      // podman.
      {"podman", {"/machine.slice/libpod-" ID ".scope/container"}, ID, ""},
      {"podman in a pod",
       {"/machine.slice/machine-libpod_pod_" OTHER ".slice/libpod-" ID ".scope"},
       ID,
       ""},
      {"podman by cgroupfs", {"/libpod_parent/libpod-" ID}, ID, ""},
      {"podman as a service", {"/system.slice/web.service/libpod-payload-" ID}, ID, "web.service"},
      {"podman's conmon",
       {"/machine.slice/libpod-conmon-" ID ".scope"},
       "",
       "libpod-conmon-" ID ".scope"},
      {"nerdctl", {"/system.slice/nerdctl-" ID ".scope"}, ID, ""},
      {"a runtime that is not known", {"/system.slice/newone-" ID ".scope"}, ID, ""},
      {"an id cut short", {"/system.slice/docker-3f2a1b4c5d6e.scope"}, "3f2a1b4c5d6e", ""},
      // LXC.
      {"LXC, version 1", {"/lxc/web1"}, "web1", ""},
      {"LXC, version 2", {"/lxc.payload.web1/system.slice/ssh.service"}, "web1", ""},
      {"LXC's monitor", {"/lxc.monitor.web1"}, "", ""},
      {"libvirt's LXC",
       {"/machine.slice/machine-lxc\\x2d2471\\x2dweb1.scope"},
       "lxc-2471-web1",
       ""},
      // systemd-nspawn.
      {"nspawn",
       {"/machine.slice/systemd-nspawn@my\\x2dbox.service/payload/system.slice/ssh.service"},
       "my-box",
       ""},
      {"nspawn's supervisor",
       {"/machine.slice/systemd-nspawn@box.service/supervisor"},
       "",
       "systemd-nspawn@box.service"},
      {"nspawn by hand", {"/machine.slice/machine-box.scope/payload/init.scope"}, "box", ""},
      {"a virtual machine",
       {"/machine.slice/machine-qemu\\x2d1\\x2ddb.scope/libvirt/emulator"},
       "",
       "machine-qemu\\x2d1\\x2ddb.scope"},
      // Schedulers.
      {"Amazon's ECS",
       {"/ecs/0123456789abcdef0123456789abcdef/0123456789abcdef0123456789abcdef-2531612879"},
       "0123456789abcdef0123456789abcdef-2531612879",
       ""},
      {"Nomad", {"/nomad.slice/share.slice/" POD ".redis.scope"}, POD ".redis", ""},
      {"Garden", {"/system.slice/garden/" POD}, POD, ""},
      // Version 1 and hybrid.
      {"a service of systemd's own hierarchy, version 1",
       {"/user.slice", "/system.slice/cron.service", "/system.slice"},
       "",
       "cron.service"},
      {"a scope in one, a service in another",
       {"/user.slice/user-0.slice/session-c1.scope", "/system.slice/cron.service"},
       "",
       "cron.service"},
      // Names that look like one of these but are not.
      {"a name that looks like docker's",
       {"/system.slice/docker-notes.service"},
       "",
       "docker-notes.service"},
      {"a prefix without an id", {"/system.slice/docker-.scope"}, "", "docker-.scope"},
      {"more digits than an id has", {"/x-" ID "0"}, "", ""},
      {"a suffix alone", {"/.service"}, "", ""},
  };
  return *forms;
}

TEST(ControlGroupTest, ReadControlGroups_RecognisesTheFormsInUse) {
  ASSERT_GE(Forms().size(), 25u);
  for (const Form& form : Forms()) {
    const ControlGroup group = ReadControlGroups(form.paths);
    EXPECT_EQ(group.container, form.container) << form.what;
    EXPECT_EQ(group.unit, form.unit) << form.what;
  }
}

TEST(ControlGroupTest, ReadControlGroups_NamesAreBoundedAndPrintable) {
  const ControlGroup group = ReadControlGroups(
      {"/system.slice/a\x1b[31m\xff b.service", "/lxc/" + std::string(4000, 'x') + "\n"});
  EXPECT_EQ(group.unit, "a_[31m__b.service");
  EXPECT_EQ(group.container, std::string(ControlGroup::kMaxName, 'x'));
  std::string deep;
  for (int i = 0; i < 10'000; ++i) deep += "/x";
  EXPECT_TRUE(ReadControlGroups(std::vector<std::string>(100, deep + "/nginx.service")).empty());
}

TEST(ControlGroupTest, UnescapeUnit_KeepsEscapesOfWhatCannotBeShown) {
  EXPECT_EQ(UnescapeUnit("dev-disk-by\\x2duuid.mount"), "dev-disk-by-uuid.mount");
  EXPECT_EQ(UnescapeUnit("a\\x5fb\\x40c.service"), "a_b@c.service");
  EXPECT_EQ(UnescapeUnit("a\\x1bb\\x2f\\x5c\\xc3\\xa9"), "a\\x1bb\\x2f\\x5c\\xc3\\xa9");
  EXPECT_EQ(UnescapeUnit("cut\\x2"), "cut\\x2");
  EXPECT_EQ(UnescapeUnit("no\\xzz"), "no\\xzz");
  EXPECT_EQ(UnescapeUnit(""), "");
}

TEST(ControlGroupTest, IsService_OnlyForServiceUnits) {
  EXPECT_TRUE((ControlGroup{"", "nginx.service"}).is_service());
  EXPECT_FALSE((ControlGroup{"", "session-3.scope"}).is_service());
  EXPECT_FALSE(ControlGroup().is_service());
}

}  // namespace
}  // namespace hoptrail::agent::process

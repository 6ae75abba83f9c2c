#include "core/model/title.h"

#include <gtest/gtest.h>

namespace hoptrail::model {
namespace {

constexpr char kId[] = "3f2a1b4c5d6e7f80910a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f70";

Session Make(EntryKind kind, const std::string& user, uint32_t uid, const std::string& unit = "",
             const std::string& program = "") {
  Session session;
  session.kind = kind;
  session.user = user;
  session.uid = uid;
  session.unit = unit;
  session.program = program;
  return session;
}

TEST(TitleTest, Login_IsCalledByItsUser) {
  Session login = Make(EntryKind::kRemote, "staff", 1000, "", "/usr/sbin/sshd");
  login.logged_in = true;
  EXPECT_EQ(Title(login), "staff");
  login.user.clear();
  EXPECT_EQ(Title(login), "uid 1000");
  login.logged_in = false;
  EXPECT_EQ(Title(login), "a connection without a login");
  EXPECT_EQ(Title(Make(EntryKind::kConsole, "staff", 1000)), "staff");
  EXPECT_EQ(Title(Make(EntryKind::kUnknown, "", 7)), "uid 7");
}

TEST(TitleTest, Service_IsCalledByUnitOrProgram) {
  EXPECT_EQ(Title(Make(EntryKind::kService, "www-data", 33, "nginx.service", "/usr/sbin/nginx")),
            "service nginx.service (www-data)");
  EXPECT_EQ(Title(Make(EntryKind::kService, "", 4711, "", "/usr/sbin/dropbear")),
            "service dropbear (uid 4711)");
  EXPECT_EQ(Title(Make(EntryKind::kService, "root", 0)), "service of an unknown program (root)");
}

TEST(TitleTest, Container_IsCalledByIdAndProgram) {
  EXPECT_EQ(Title(Make(EntryKind::kContainer, "root", 0, kId, "/usr/sbin/nginx")),
            "container 3f2a1b4c5d6e running nginx (root)");
  EXPECT_EQ(Title(Make(EntryKind::kContainer, "", 101, "my-box", "/sbin/init")),
            "container my-box running init (uid 101)");
  EXPECT_EQ(Title(Make(EntryKind::kContainer, "", 33, "pid:[4026532500]", "/bin/sh")),
            "container pid:[4026532500] running sh (uid 33)");
  EXPECT_EQ(Title(Make(EntryKind::kContainer, "", 33)), "container of unknown id (uid 33)");
}

TEST(TitleTest, ScheduledJob_IsCalledByProgramAndUserOrUnit) {
  EXPECT_EQ(Title(Make(EntryKind::kCron, "backup", 34, "backup/backup.sh")),
            "cron job backup.sh of backup");
  EXPECT_EQ(Title(Make(EntryKind::kCron, "backup", 34, "backup")), "cron job of backup");
  EXPECT_EQ(Title(Make(EntryKind::kCron, "", 34, "uid 34/backup.sh")),
            "cron job backup.sh of uid 34");
  EXPECT_EQ(Title(Make(EntryKind::kCron, "root", 0, "logrotate.service", "/usr/sbin/logrotate")),
            "scheduled job logrotate.service (root)");
  // An older agent says no unit.
  EXPECT_EQ(Title(Make(EntryKind::kCron, "root", 0)), "cron job of root");
}

TEST(TitleTest, HostWithoutAName_IsCalledByItsMachine) {
  HostId host;
  host.machine.bytes = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66};
  EXPECT_EQ(HostTitle("web", host), "web");
  EXPECT_EQ(HostTitle("", host), "host 001122334455");
}

TEST(TitleTest, HostNameThatCouldBeAnothers_HasTheMachineIdBesideIt) {
  MachineId machine;
  machine.bytes = {0x3f, 0x2a, 0x9c, 0x10, 0x55};
  EXPECT_EQ(DistinctHostName("web1", machine, false), "web1");
  EXPECT_EQ(DistinctHostName("Web_1.example.com", machine, false), "Web_1.example.com");
  EXPECT_EQ(DistinctHostName("web1", machine, true), "web1 (3f2a9c10)");
  EXPECT_EQ(DistinctHostName("", machine, true), "");
  // Names that could look like another's, cut or not.
  for (const char* name : {"web1 (0b1c2d3e)", "web1 ", " web1", "w\u0435b1", "web1\u200b", "a,b"}) {
    for (const bool shared : {false, true}) {
      EXPECT_EQ(DistinctHostName(name, machine, shared),
                "host 3f2a9c10 called " + std::string(name));
    }
  }
  const std::string longest(64, 'a');
  EXPECT_EQ(DistinctHostName(longest, machine, false), longest);
  EXPECT_EQ(DistinctHostName(longest + "a", machine, false),
            "host 3f2a9c10 called " + longest + "a");
}

}  // namespace
}  // namespace hoptrail::model

#include "cli/options.h"

#include <string>
#include <vector>

#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command_table.h"

namespace hoptrail::cli {
namespace {

using ::testing::HasSubstr;

std::string NoEnvironment(absl::string_view) { return ""; }

absl::StatusOr<Options> Parse(const std::vector<std::string>& arguments) {
  return ParseOptions(arguments, &NoEnvironment);
}

std::string ErrorOf(const std::vector<std::string>& arguments) {
  const auto options = Parse(arguments);
  return options.ok() ? "no error" : std::string(options.status().message());
}

TEST(OptionsTest, NoCollectorFlag_UsesTheLocalSocket) {
  const auto options = Parse({"hosts"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->collector.address(), "unix:/run/hoptrail/collector.sock");
  EXPECT_EQ(options->command, "hosts");
  EXPECT_EQ(options->output, Output::kText);
}

TEST(OptionsTest, Flags_AreAcceptedAnywhereAndInBothForms) {
  const auto options =
      Parse({"--collector=c:7443", "--ca", "a", "sessions", "--host", "web", "--certificate=b",
             "--key", "k", "--output=json", "--all", "--limit", "7"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->collector.address(), "c:7443");
  EXPECT_EQ(options->collector.tls().key_file(), "k");
  EXPECT_EQ(options->host, "web");
  EXPECT_EQ(options->output, Output::kJson);
  EXPECT_EQ(options->limit, 7);
  EXPECT_TRUE(options->all);
}

TEST(OptionsTest, Flag_OverridesTheEnvironment) {
  const auto environment = [](absl::string_view name) {
    return std::string(name == "HOPTRAIL_COLLECTOR" ? "unix:/a" : "");
  };
  EXPECT_EQ(ParseOptions({"hosts"}, environment)->collector.address(), "unix:/a");
  EXPECT_EQ(ParseOptions({"hosts", "--collector", "unix:/b"}, environment)->collector.address(),
            "unix:/b");
}

TEST(OptionsTest, Ids_AreAcceptedInEveryForm) {
  EXPECT_EQ(Parse({"path", "3FA2"})->name, "3fa2");
  EXPECT_EQ(Parse({"path", "sessions/3fa2c81d"})->name, "sessions/3fa2c81d");
  EXPECT_EQ(Parse({"ack", "incidents/3fa2"})->name, "incidents/3fa2");
  EXPECT_THAT(ErrorOf({"path", "3fa"}), HasSubstr("at least 4"));
  EXPECT_THAT(ErrorOf({"path", "hosts/3fa2"}), HasSubstr("no id"));
  EXPECT_THAT(ErrorOf({"resolve", "sessions/3fa2"}), HasSubstr("not a session"));
}

TEST(OptionsTest, BadCommandLine_IsExplained) {
  EXPECT_THAT(ErrorOf({}), HasSubstr("command is missing"));
  EXPECT_THAT(ErrorOf({"hop"}), HasSubstr("'hop'"));
  EXPECT_THAT(ErrorOf({"path"}), HasSubstr("needs INCIDENT|SESSION"));
  EXPECT_THAT(ErrorOf({"remove-host"}), HasSubstr("needs HOST"));
  EXPECT_THAT(ErrorOf({"incidents", "x"}), HasSubstr("too many"));
  EXPECT_THAT(ErrorOf({"hosts", "x", "y"}), HasSubstr("'y' is one word too many"));
  EXPECT_THAT(ErrorOf({"hosts", std::string(300, 'x')}), HasSubstr("a host's own name or its id"));
  EXPECT_THAT(ErrorOf({"hosts", "--watch"}), HasSubstr("no --watch"));
  EXPECT_THAT(ErrorOf({"hosts", "--bogus"}), HasSubstr("--bogus"));
  EXPECT_THAT(ErrorOf({"hosts", "-x"}), HasSubstr("-x"));
  EXPECT_THAT(ErrorOf({"hosts", "--output"}), HasSubstr("needs a value"));
  EXPECT_THAT(ErrorOf({"hosts", "--output", "xml"}), HasSubstr("xml"));
  EXPECT_THAT(ErrorOf({"hosts", "--output", "dot"}), HasSubstr("path"));
  EXPECT_THAT(ErrorOf({"sessions", "--all=1"}), HasSubstr("no value"));
  EXPECT_THAT(ErrorOf({"sessions", "--limit", "-1"}), HasSubstr("number"));
  EXPECT_THAT(ErrorOf({"hosts", "--collector", "c:1"}), HasSubstr("TLS"));
  EXPECT_THAT(ErrorOf({"hosts", "--collector", "c:1", "--ca", "x"}), HasSubstr("--key"));
}

TEST(OptionsTest, CollectorAddress_IsParsedAsInConfigurationFiles) {
  const std::vector<std::string> tls = {"--ca", "a", "--certificate", "b", "--key", "c", "hosts"};
  for (const char* address : {"https://c.example:7443", "c.example", "2001:db8::1:7443", "c:99999",
                              "c:0", "0.0.0.0:1", "${C}:1", "unix:c.sock"}) {
    std::vector<std::string> arguments = tls;
    arguments.push_back(std::string("--collector=") + address);
    EXPECT_THAT(ErrorOf(arguments), HasSubstr(std::string("--collector: '") + address)) << address;
  }
  std::vector<std::string> arguments = tls;
  arguments.push_back("--collector=[2001:db8::1]:7443");
  EXPECT_EQ(ErrorOf(arguments), "no error");
}

TEST(OptionsTest, UnixSocket_IgnoresCertificatesOfTheEnvironment) {
  const auto environment = [](absl::string_view name) {
    return std::string(name == "HOPTRAIL_CA" ? "/ca.crt" : "");
  };
  EXPECT_FALSE(ParseOptions({"hosts"}, environment)->collector.has_tls());
}

TEST(OptionsTest, HelpAndVersion_NeedNothingElse) {
  EXPECT_EQ(Parse({"--version"})->command, "version");
  EXPECT_EQ(Parse({"--help"})->command, "help");
  EXPECT_EQ(Parse({"help"})->command, "help");
  EXPECT_EQ(Parse({"help"})->name, "");
}

TEST(OptionsTest, HelpWithACommand_IsAboutThatCommand) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"help", "path"}, {"path", "--help"}, {"-h", "path", "x", "y"}}) {
    EXPECT_EQ(Parse(arguments)->command, "help");
    EXPECT_EQ(Parse(arguments)->name, "path");
  }
  EXPECT_THAT(ErrorOf({"help", "pat"}), HasSubstr("unknown command 'pat'; did you mean 'path'?"));
  EXPECT_THAT(ErrorOf({"help", "path", "x"}), HasSubstr("one word too many"));
}

TEST(OptionsTest, MistypedWord_SuggestsASimilarOne) {
  EXPECT_THAT(ErrorOf({"hsots"}), HasSubstr("did you mean 'hosts'?"));
  EXPECT_THAT(ErrorOf({"incidnets"}), HasSubstr("did you mean 'incidents'?"));
  EXPECT_THAT(ErrorOf({"--colector", "x"}), HasSubstr("did you mean '--collector'?"));
  EXPECT_THAT(ErrorOf({"frobnicate"}), testing::Not(HasSubstr("did you mean")));
  EXPECT_THAT(ErrorOf({std::string(1000, 'x')}), testing::Not(HasSubstr("did you mean")));
}

TEST(HelpTest, HelpOfACommand_ShowsOnlyThatCommand) {
  const std::string help = HelpText(*FindCommand("sessions"));
  EXPECT_THAT(help, HasSubstr("Usage: hoptrail [FLAGS] sessions [--host HOST] [--user USER]"));
  EXPECT_THAT(help, HasSubstr("--user USER  "));
  EXPECT_THAT(help, HasSubstr("Examples:\n  hoptrail sessions --user root\n"));
  EXPECT_THAT(help, HasSubstr("Exit status: 0 done"));
  for (const char* other :
       {"--watch", "--coverage", "remove-host", "hoptrail incidents", "dot -T"}) {
    EXPECT_THAT(help, testing::Not(HasSubstr(other)));
  }
}

TEST(HelpTest, Usage_NamesEveryCommandAndFits80Columns) {
  const std::string usage = UsageText();
  for (const Command& command : Commands()) {
    EXPECT_THAT(usage, HasSubstr(std::string("\n  ") + std::string(command.name)));
    EXPECT_FALSE(command.summary.empty() || command.examples.empty()) << command.name;
    for (absl::string_view flag : command.flags) EXPECT_NE(FindFlag(flag), nullptr) << flag;
  }
  EXPECT_THAT(absl::StrReplaceAll(usage, {{"\n", " "}}),
              HasSubstr("3 answered, but something may be missing"));
  for (const std::string& text : {usage, HelpText(*FindCommand("hosts"))}) {
    for (absl::string_view line : absl::StrSplit(text, '\n')) EXPECT_LE(line.size(), 80u) << line;
  }
}

}  // namespace
}  // namespace hoptrail::cli

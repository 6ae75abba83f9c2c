// hoptrail-collector: receives agents' facts, joins them into paths, answers queries and pages
// people. Exit status: 0 stopped by a signal, 1 cannot run, 2 bad command line or configuration.

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <ctime>
#include <string>

#include "absl/strings/str_cat.h"

#include "collector/app/collector.h"
#include "collector/app/options.h"
#include "core/base/log.h"
#include "core/base/printable.h"
#include "core/config/library_logs.h"

namespace {

constexpr char kUsage[] =
    "usage: hoptrail-collector --config FILE [--check-config]\n"
    "       hoptrail-collector --version\n";

struct CommandLine {
  std::string config;
  bool check = false;
  bool version = false;
  bool help = false;
};

void Complain(absl::string_view what) { hoptrail::WriteError("hoptrail-collector", what); }

bool Parse(int argc, char** argv, CommandLine* out) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--config" && i + 1 < argc) {
      out->config = argv[++i];
    } else if (word.rfind("--config=", 0) == 0) {
      out->config = word.substr(strlen("--config="));
    } else if (word == "--check-config") {
      out->check = true;
    } else if (word == "--version") {
      out->version = true;
    } else if (word == "--help") {
      out->help = true;
    } else {
      Complain(absl::StrCat("unknown or incomplete argument '", word, "'"));
      return false;
    }
  }
  if (out->version || out->help || !out->config.empty()) return true;
  Complain("--config is missing");
  return false;
}

// Logs the lines of libraries in this program's form. gRPC's lines about refused peers are
// warnings.
void LogOfLibrary(absl::string_view library, absl::string_view message) {
  hoptrail::LogWarning(library, message);
}

// Writes every finding to standard error, one line each. Returns whether the collector can work.
bool Check(const hoptrail::collector::app::Options& options) {
  using hoptrail::config::Weight;
  const hoptrail::config::Findings findings = hoptrail::collector::app::FindFaults(options);
  for (const hoptrail::config::Finding& finding : findings.all()) {
    Complain(absl::StrCat(finding.weight == Weight::kWarning ? "warning: " : "", finding.text));
  }
  return findings.FirstOf(Weight::kPassing).ok();
}

// Blocks the signals that end the program or make it reload: main waits for them.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int each : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, each);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

// For a reload.
absl::StatusOr<hoptrail::collector::app::Options> LoadAndCheck(const std::string& path) {
  auto options = hoptrail::collector::app::LoadOptions(path);
  if (!options.ok()) return options;
  if (absl::Status status = hoptrail::collector::app::CheckFiles(*options); !status.ok()) {
    return status;
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  CommandLine command;
  if (!Parse(argc, argv, &command)) {
    fputs(kUsage, stderr);
    return 2;
  }
  if (command.help) {
    fputs(kUsage, stdout);
    return 0;
  }
  if (command.version) {
    printf("hoptrail-collector %s\n", HOPTRAIL_VERSION);
    return 0;
  }
  // Threads inherit the mask, and this thread takes the signals: none is lost, or ends the program,
  // while it starts.
  const sigset_t signals = BlockSignals();
  auto options = hoptrail::collector::app::LoadOptions(command.config);
  if (!options.ok() || !Check(*options)) {
    if (!options.ok()) Complain(options.status().message());
    return 2;
  }
  if (command.check) {
    printf("%s: ok\n", hoptrail::Printable(command.config).c_str());
    return 0;
  }
  hoptrail::collector::app::SetLogLevelOf(options->config);
  hoptrail::config::SetLibraryLogSink(LogOfLibrary);

  auto collector = hoptrail::collector::app::Collector::Start(*options);
  if (!collector.ok()) {
    Complain(collector.status().message());
    return 1;
  }
  const timespec second = {.tv_sec = 1, .tv_nsec = 0};
  int signal_number = -1;
  while (signal_number < 0) {
    signal_number = sigtimedwait(&signals, nullptr, &second);
    if (signal_number == SIGHUP) {
      (*collector)->Reload(LoadAndCheck(command.config));
      signal_number = -1;
    }
    (*collector)->UpdateHealth();
  }
  hoptrail::LogInfo("collector", "stopping on signal ", signal_number);
  return 0;
}

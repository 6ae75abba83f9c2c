// hoptrail-collector: takes in what agents tell, joins it into paths, answers queries and pages.
// Exit status: 0 stopped by a signal, 1 cannot run, 2 bad command line or configuration.

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <ctime>
#include <string>

#include <grpc/support/log.h>

#include "collector/app/collector.h"
#include "collector/app/options.h"
#include "core/base/log.h"

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
      fprintf(stderr, "hoptrail-collector: unknown or incomplete argument '%s'\n", argv[i]);
      return false;
    }
  }
  if (out->version || out->help || !out->config.empty()) return true;
  fprintf(stderr, "hoptrail-collector: --config is missing\n");
  return false;
}

// gRPC's own lines in the form of ours; its chatter about refused peers is worth a warning.
void LogFromGrpc(gpr_log_func_args* args) {
  if (args->severity == GPR_LOG_SEVERITY_ERROR) hoptrail::LogWarning("grpc", args->message);
}

// Of this program's business are the signals that end it and the one that it reloads by.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int each : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, each);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

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
  // Every thread that is started inherits the mask; this one takes the signals. None of them is
  // lost, or ends the program, while it starts.
  const sigset_t signals = BlockSignals();
  auto options = LoadAndCheck(command.config);
  if (!options.ok()) {
    fprintf(stderr, "hoptrail-collector: %s\n", std::string(options.status().message()).c_str());
    return 2;
  }
  if (command.check) {
    printf("%s: ok\n", command.config.c_str());
    return 0;
  }
  hoptrail::collector::app::SetLogLevelOf(options->config);
  gpr_set_log_function(LogFromGrpc);

  auto collector = hoptrail::collector::app::Collector::Start(*options);
  if (!collector.ok()) {
    fprintf(stderr, "hoptrail-collector: %s\n", std::string(collector.status().message()).c_str());
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

#include "agent/worker/worker.h"

#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "agent/host/process_names.h"
#include "agent/privilege/confine.h"
#include "agent/worker/agent.h"
#include "core/base/log.h"
#include "core/base/status_macros.h"
#include "core/config/library_logs.h"
#include <sys/prctl.h>

namespace hoptrail::agent {
namespace {

// At debug level: gRPC logs each failed attempt, the uplink only a new reason.
void LogOfLibrary(absl::string_view library, absl::string_view message) {
  Log(LogLevel::kDebug, library, message);
}

std::string Resolved(const std::string& path) {
  std::error_code error;
  const std::filesystem::path resolved = std::filesystem::canonical(path, error);
  return error ? path : resolved.string();
}

// Grants the directories of a TLS file, as named and as resolved, so that a renewed file is found;
// only the file itself where its directory holds the files of others, too.
void GrantTlsFile(const std::string& file, std::vector<std::string>* paths) {
  for (const std::string& path : {file, Resolved(file)}) {
    const std::string directory = Resolved(std::filesystem::path(path).parent_path().string());
    const bool shared = directory.empty() || directory == "/" || directory == "/etc" ||
                        directory == "/etc/ssl" || directory == "/etc/ssl/private";
    paths->push_back(shared ? path : directory);
  }
}

absl::Status Begin(const Settings& settings, const WorkerArguments& arguments,
                   privilege::MissingRestrictions* missing,
                   std::unique_ptr<kernel::Reader>* reader) {
  HT_RETURN_IF_ERROR(privilege::CloseAllBut(
      {arguments.supervisor.fd(), arguments.loader.fd(), arguments.handles.high_ring.fd,
       arguments.handles.low_ring.fd, arguments.handles.losses_fd, arguments.handles.reported_fd,
       arguments.lock.get(), arguments.health_file.fd(), arguments.service_manager.fd()}));
  HT_ASSIGN_OR_RETURN(kernel::Reader made, kernel::Reader::Create(arguments.handles));
  *reader = std::make_unique<kernel::Reader>(std::move(made));
  const UniqueFd no_longer_needed(arguments.handles.losses_fd);
  const UniqueFd neither(arguments.handles.reported_fd);
  // Not at the same moment: the rings may hold the event that shows who killed the supervisor.
  HT_RETURN_IF_ERROR(privilege::EndSoonAfter(arguments.supervisor_pid));
  return privilege::ConfineWorker(WorkerPaths(settings), missing);
}

absl::Status Run(const Settings& settings, WorkerArguments arguments) {
  privilege::MissingRestrictions missing;
  std::unique_ptr<kernel::Reader> reader;
  HT_RETURN_IF_ERROR(Begin(settings, arguments, &missing, &reader));
  model::SourceCoverage confinement{.source = "confinement",
                                    .hook = "capabilities, seccomp, landlock",
                                    .tier = 1,
                                    .refusals = missing};
  if (!missing.empty()) {
    confinement.tier = 2;
    confinement.hook = "capabilities, seccomp";
    for (const std::string& restriction : missing) {
      LogWarning("agent", "confined less than it should be: ", restriction);
    }
  }
  arguments.coverage.push_back(std::move(confinement));
  config::SetLibraryLogSink(LogOfLibrary);
  HT_ASSIGN_OR_RETURN(
      std::unique_ptr<Agent> agent,
      Agent::Start(settings, {.host = arguments.host,
                              .coverage = std::move(arguments.coverage),
                              .reader = std::move(reader),
                              .loader = std::move(arguments.loader),
                              .supervisor = std::move(arguments.supervisor),
                              .supervisor_tgid = static_cast<uint32_t>(arguments.supervisor_pid),
                              .last_end = std::move(arguments.last_end),
                              .weakened = std::move(arguments.weakened),
                              .health_file = std::move(arguments.health_file),
                              .service_manager = std::move(arguments.service_manager)}));
  return agent->Run();
}

}  // namespace

std::vector<std::string> ResolverFiles() {
  return {"/etc/resolv.conf", "/etc/hosts",    "/etc/nsswitch.conf",
          "/etc/host.conf",   "/etc/services", "/etc/gai.conf"};
}

privilege::PathGrants WorkerPaths(const Settings& settings) {
  privilege::PathGrants grants;
  grants.write = {settings.state_directory};
  grants.read = {"/proc",
                 "/dev/null",
                 "/dev/urandom",
                 "/etc/localtime",
                 "/etc/ssl/openssl.cnf",
                 "/sys/devices/system/cpu"};
  for (const std::string& file : ResolverFiles()) grants.read.push_back(file);
  if (settings.collector.has_tls()) {
    const v1::TlsConfig& tls = settings.collector.tls();
    GrantTlsFile(tls.ca_file(), &grants.read);
    GrantTlsFile(tls.certificate_file(), &grants.read);
    GrantTlsFile(tls.key_file(), &grants.read);
  }
  return grants;
}

int RunWorker(const Settings& settings, WorkerArguments arguments) {
  ::prctl(PR_SET_NAME, kWorkerName);
  const absl::Status ended = Run(settings, std::move(arguments));
  if (ended.ok()) return 0;
  WriteError("hoptrail-agent", ended.message());
  return 1;
}

}  // namespace hoptrail::agent

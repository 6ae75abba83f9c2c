#include "collector/app/listeners.h"

#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>

#include "core/base/log.h"
#include "core/base/status_macros.h"
#include "core/base/unique_fd.h"
#include "core/config/address.h"
#include "core/config/credentials.h"
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace hoptrail::collector::app {
namespace {

constexpr int kMaxReceiveBytes = 4 << 20;
constexpr int kMaxStreamsPerConnection = 100;
constexpr int kKeepaliveMs = 30'000;
constexpr int kKeepaliveTimeoutMs = 10'000;
constexpr int kLeastPingIntervalMs = 5'000;
constexpr int kMaxSyncThreads = 64;  // health and reflection

// gRPC would remove the socket file of a server that is using it.
absl::Status CheckSocketFree(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  HT_CHECK(path.size() < sizeof(address.sun_path));  // ParseAddress() has checked that
  memcpy(address.sun_path, path.data(), path.size());
  UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(probe.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
    return absl::AlreadyExistsError(
        absl::StrCat("listen unix:", path, ": already in use by another process"));
  }
  struct stat info;
  if (::lstat(path.c_str(), &info) == 0 && !S_ISSOCK(info.st_mode)) {
    return absl::AlreadyExistsError(
        absl::StrCat("listen unix:", path, ": there is a file of that name that is no socket"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Listeners> Listen(const v1::CollectorConfig& config,
                                 const std::vector<grpc::Service*>& services) {
  Listeners listeners;
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  std::vector<config::Address> addresses;
  std::vector<int> ports(static_cast<size_t>(config.listen_size()), -1);
  for (int i = 0; i < config.listen_size(); ++i) {
    const v1::ListenConfig& listen = config.listen(i);
    HT_ASSIGN_OR_RETURN(addresses.emplace_back(),
                        config::ParseAddress(listen.address(), config::AddressUse::kListen));
    const config::Address& address = addresses.back();
    std::shared_ptr<grpc::ServerCredentials> credentials;
    if (address.is_unix()) {
      HT_RETURN_IF_ERROR(CheckSocketFree(address.socket_path));
      credentials = grpc::InsecureServerCredentials();
    } else {
      absl::StatusOr<std::unique_ptr<config::ServerTls>> tls =
          config::ServerTls::Create(listen.tls());
      if (!tls.ok()) return Annotate(tls.status(), absl::StrCat("listen ", listen.address()));
      credentials = (*tls)->Credentials();
      listeners.tls[listen.address()] = *std::move(tls);
    }
    builder.AddListeningPort(config::ToString(address), credentials,
                             &ports[static_cast<size_t>(i)]);
  }
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreamsPerConnection);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             kLeastPingIntervalMs);
  builder.SetMaxReceiveMessageSize(kMaxReceiveBytes);
  builder.SetResourceQuota(grpc::ResourceQuota("collector").SetMaxThreads(kMaxSyncThreads));
  for (grpc::Service* service : services) builder.RegisterService(service);
  // Keeps others from the socket until its mode is set.
  const mode_t mask = ::umask(0177);
  listeners.server = builder.BuildAndStart();
  ::umask(mask);
  for (int i = 0; i < config.listen_size(); ++i) {
    const std::string& address = config.listen(i).address();
    if (listeners.server == nullptr && ports[static_cast<size_t>(i)] <= 0) {
      return absl::UnavailableError(absl::StrCat(
          "listen ", address, ": cannot bind; already in use, or not an address of this host"));
    }
    const std::string& path = addresses[static_cast<size_t>(i)].socket_path;
    if (!path.empty() && ::chmod(path.c_str(), 0600) != 0) {
      return absl::ErrnoToStatus(errno, absl::StrCat("listen ", address, ": chmod"));
    }
  }
  if (listeners.server == nullptr) {
    return absl::UnavailableError("the gRPC server does not start");
  }
  for (int i = 0; i < config.listen_size(); ++i) {
    LogInfo("collector", "listening on ", config.listen(i).address(), ", port ",
            ports[static_cast<size_t>(i)]);
  }
  return listeners;
}

}  // namespace hoptrail::collector::app

#include "core/config/tls_probe.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "core/base/steady_time.h"
#include "core/base/unique_fd.h"
#include "core/config/address.h"
#include "core/config/credentials.h"
#include "core/config/pem.h"
#include <sys/socket.h>

namespace hoptrail::config {
namespace {

using ContextPtr = std::unique_ptr<SSL_CTX, Deleter<SSL_CTX, SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, Deleter<SSL, SSL_free>>;

// The fault of the server's certificate, or of one of its chain.
struct Verdict {
  int error = X509_V_OK;
  std::string issuer, end;
  std::vector<std::string> names;  // of the server's own certificate
};

// Verifies the chain as OpenSSL does by itself, and keeps the result.
int Verify(X509_STORE_CTX* store, void* verdict_pointer) {
  auto* verdict = static_cast<Verdict*>(verdict_pointer);
  const int good = X509_verify_cert(store);
  verdict->error = X509_STORE_CTX_get_error(store);
  if (const X509* at = X509_STORE_CTX_get_current_cert(store)) {
    verdict->issuer = IssuerOf(*at);
    verdict->end = EndOf(*at);
  }
  if (const X509* own = X509_STORE_CTX_get0_cert(store)) verdict->names = ServerNamesOf(*own);
  return good;
}

// OpenSSL writes with write(2), which raises SIGPIPE where the server has closed.
class NoPipeSignal {
 public:
  NoPipeSignal() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~NoPipeSignal() {
    const timespec now = {};
    if (sigismember(&before_, SIGPIPE) == 0) sigtimedwait(&pipe_, nullptr, &now);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t pipe_, before_;
};

class Probe {
 public:
  Probe(const v1::CollectorAddress& collector, const Address& address, absl::Duration within)
      : tls_(collector.tls()),
        shown_(collector.address()),
        host_(address.host),
        port_(absl::StrCat(address.port)),
        expected_(tls_.server_name().empty() ? address.host : tls_.server_name()),
        deadline_(SteadyTime::Now() + within) {}

  std::string Run() {
    if (!Connect() || !Prepare()) return "";
    if (!Await([this] { return SSL_connect(ssl_.get()); })) return WhyNoHandshake();
    // A collector that accepts our certificate sends first; one that refuses it closes.
    char byte = 0;
    const bool spoken = Await([&] { return SSL_read(ssl_.get(), &byte, 1); });
    return spoken || timed_out_ ? "" : WhyRefused();
  }

 private:
  bool Connect() {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* first = nullptr;
    if (::getaddrinfo(host_.c_str(), port_.c_str(), &hints, &first) != 0) return false;
    for (const addrinfo* one = first; one != nullptr && !connected_; one = one->ai_next) {
      fd_.reset(::socket(one->ai_family, one->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      if (!fd_.valid()) continue;
      int error = ::connect(fd_.get(), one->ai_addr, one->ai_addrlen) == 0 ? 0 : errno;
      socklen_t size = sizeof(error);
      if (error == EINPROGRESS && Wait(POLLOUT)) {
        ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
      }
      connected_ = error == 0;
    }
    ::freeaddrinfo(first);
    return connected_;
  }

  bool Prepare() {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    if (context_ == nullptr) return false;
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION);
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_cert_verify_callback(context_.get(), Verify, &verdict_);
    if (SSL_CTX_load_verify_locations(context_.get(), tls_.ca_file().c_str(), nullptr) != 1 ||
        SSL_CTX_use_certificate_chain_file(context_.get(), tls_.certificate_file().c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(context_.get(), tls_.key_file().c_str(), SSL_FILETYPE_PEM) !=
            1) {
      return false;
    }
    ssl_.reset(SSL_new(context_.get()));
    if (ssl_ == nullptr) return false;
    X509_VERIFY_PARAM* parameters = SSL_get0_param(ssl_.get());
    if (X509_VERIFY_PARAM_set1_ip_asc(parameters, expected_.c_str()) != 1) {
      SSL_set1_host(ssl_.get(), expected_.c_str());
      SSL_set_tlsext_host_name(ssl_.get(), expected_.c_str());
    }
    static constexpr unsigned char kHttp2[] = {2, 'h', '2'};
    SSL_set_alpn_protos(ssl_.get(), kHttp2, sizeof(kHttp2));
    ERR_clear_error();
    return SSL_set_fd(ssl_.get(), fd_.get()) == 1;
  }

  // Waits until the descriptor is ready; false at the deadline.
  bool Wait(int16_t events) {
    pollfd one = {.fd = fd_.get(), .events = events, .revents = 0};
    const int64_t left = absl::ToInt64Milliseconds(deadline_ - SteadyTime::Now());
    timed_out_ = ::poll(&one, 1, static_cast<int>(std::clamp<int64_t>(left, 0, 60'000))) == 0;
    return !timed_out_;
  }

  template <typename Step>
  bool Await(Step step) {
    for (;;) {
      ERR_clear_error();
      const int result = step();
      if (result > 0) return true;
      const int error = SSL_get_error(ssl_.get(), result);
      if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) return false;
      if (!Wait(error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT)) return false;
    }
  }

  std::string WhyNoHandshake() const {
    switch (verdict_.error) {
      case X509_V_OK:
        break;
      case X509_V_ERR_CERT_HAS_EXPIRED:
        return absl::StrCat("the collector's certificate expired on ", verdict_.end,
                            ": it must be renewed, unless this machine's clock is wrong");
      case X509_V_ERR_CERT_NOT_YET_VALID:
        return "the collector's certificate is not valid yet: is this machine's clock right?";
      case X509_V_ERR_HOSTNAME_MISMATCH:
      case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return absl::StrCat(
            "the collector's certificate is for ",
            verdict_.names.empty() ? "no host" : absl::StrJoin(verdict_.names, ", "), ", not for ",
            expected_,
            ": connect to a name that it has, or say with the server name which one "
            "to expect");
      case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
      case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
      case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        return absl::StrCat("the collector's certificate was issued by ", verdict_.issuer,
                            ", which is none of the authorities in ", tls_.ca_file(),
                            ": is that the right file, and this the right collector?");
      default:
        return absl::StrCat("the collector's certificate is not good: ",
                            X509_verify_cert_error_string(verdict_.error));
    }
    if (timed_out_)
      return absl::StrCat("the server at ", shown_, " does not finish the TLS handshake");
    const char* reason = ERR_reason_error_string(ERR_peek_error());
    return absl::StrCat("the server at ", shown_, " speaks no TLS that fits",
                        reason == nullptr ? "" : absl::StrCat(" (", reason, ")"),
                        ": is that the collector's port?");
  }

  std::string WhyRefused() const {
    const std::string doubt = CertificateDoubt(tls_);
    return absl::StrCat("the collector does not accept the certificate ", tls_.certificate_file(),
                        doubt.empty() ? ": was it issued by an authority that the collector knows?"
                                      : absl::StrCat(": ", doubt));
  }

  const v1::TlsConfig& tls_;
  const std::string shown_, host_, port_, expected_;
  const SteadyTime deadline_;
  UniqueFd fd_;
  bool connected_ = false;
  bool timed_out_ = false;
  Verdict verdict_;
  ContextPtr context_;
  SslPtr ssl_;
};

}  // namespace

std::string WhyNoTls(const v1::CollectorAddress& collector, absl::Duration within) {
  const absl::StatusOr<Address> address = ParseAddress(collector.address(), AddressUse::kConnect);
  if (!address.ok() || address->is_unix() || !collector.has_tls()) return "";
  const NoPipeSignal no_pipe_signal;
  return Probe(collector, *address, within).Run();
}

}  // namespace hoptrail::config

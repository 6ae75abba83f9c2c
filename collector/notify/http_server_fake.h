#ifndef HOPTRAIL_COLLECTOR_NOTIFY_HTTP_SERVER_FAKE_H_
#define HOPTRAIL_COLLECTOR_NOTIFY_HTTP_SERVER_FAKE_H_

// A web server for tests: answers POSTs on a loopback port with what it is told to.

#include <unistd.h>

#include <atomic>
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "core/base/log.h"
#include "core/base/mutex.h"
#include "core/base/unique_fd.h"
#include <netinet/in.h>
#include <sys/socket.h>

namespace hoptrail::collector::notify {

class FakeHttpServer {
 public:
  FakeHttpServer() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    HT_CHECK(::bind(listener_.get(), generic, size) == 0);
    HT_CHECK(::listen(listener_.get(), 16) == 0);
    HT_CHECK(::getsockname(listener_.get(), generic, &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~FakeHttpServer() {
    stopping_ = true;
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }

  std::string url() const { return absl::StrCat("http://127.0.0.1:", port_, "/v2/enqueue"); }

  // The next answers; 202 when there are none. `headers` end in \r\n each.
  void Answer(int status, const std::string& headers = "") {
    MutexLock lock(&mutex_);
    answers_.emplace_back(status, headers);
  }
  std::vector<std::string> bodies() {
    MutexLock lock(&mutex_);
    return bodies_;
  }

 private:
  void Serve() {
    while (!stopping_) {
      UniqueFd connection(::accept(listener_.get(), nullptr, nullptr));
      if (connection.valid()) ServeOne(connection.get());
    }
  }

  void ServeOne(int fd) {
    std::string data;
    size_t body_at = std::string::npos;
    size_t length = 0;
    char buffer[16384];
    while (body_at == std::string::npos || data.size() < body_at + length) {
      const ssize_t n = ::read(fd, buffer, sizeof(buffer));
      if (n <= 0) return;
      data.append(buffer, static_cast<size_t>(n));
      if (body_at == std::string::npos && data.find("\r\n\r\n") != std::string::npos) {
        body_at = data.find("\r\n\r\n") + 4;
        const size_t at = data.find("Content-Length: ");
        HT_CHECK(at != std::string::npos);
        HT_CHECK(absl::SimpleAtoi(data.substr(at + 16, data.find("\r\n", at) - at - 16), &length));
      }
    }
    std::pair<int, std::string> answer(202, "");
    {
      MutexLock lock(&mutex_);
      bodies_.push_back(data.substr(body_at));
      if (!answers_.empty()) {
        answer = answers_.front();
        answers_.pop_front();
      }
    }
    // An answer may repeat what was sent, the key included.
    const std::string body = data.substr(body_at, 300);
    const std::string reply =
        absl::StrCat("HTTP/1.1 ", answer.first, " Test\r\nConnection: close\r\n", answer.second,
                     "Content-Length: ", body.size(), "\r\n\r\n", body);
    HT_CHECK(::write(fd, reply.data(), reply.size()) == static_cast<ssize_t>(reply.size()));
  }

  UniqueFd listener_;
  uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  Mutex mutex_;
  std::deque<std::pair<int, std::string>> answers_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> bodies_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace hoptrail::collector::notify

#endif  // HOPTRAIL_COLLECTOR_NOTIFY_HTTP_SERVER_FAKE_H_

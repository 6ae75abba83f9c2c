#ifndef HOPTRAIL_COLLECTOR_NOTIFY_PAGERDUTY_HTTP_SERVER_FAKE_H_
#define HOPTRAIL_COLLECTOR_NOTIFY_PAGERDUTY_HTTP_SERVER_FAKE_H_

// A web server for tests: answers POSTs on a loopback port as the test orders.

#include <unistd.h>

#include <atomic>
#include <deque>
#include <optional>
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

  // Queues an answer. Without a queued one the server accepts, as the API does. Each of `headers`
  // ends in \r\n; without a body the answer repeats the request, the key included.
  void Answer(int status, const std::string& headers = "",
              const std::optional<std::string>& body = std::nullopt) {
    MutexLock lock(&mutex_);
    answers_.push_back({status, headers, body});
  }
  // Drops the queued answers.
  void Forget() {
    MutexLock lock(&mutex_);
    answers_.clear();
  }
  // Answers every request whose body contains `text` this way, until the next call; status 0: none.
  void AnswerAllWith(const std::string& text, int status, const std::string& body) {
    MutexLock lock(&mutex_);
    disliked_ = text;
    dislike_ = {status, "", body};
  }
  std::vector<std::string> bodies() {
    MutexLock lock(&mutex_);
    return bodies_;
  }
  // Those that were answered with 202.
  std::vector<std::string> accepted() {
    MutexLock lock(&mutex_);
    return accepted_;
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
    Answered answer{202, "", Acceptance(data.substr(body_at))};
    {
      MutexLock lock(&mutex_);
      bodies_.push_back(data.substr(body_at));
      if (!answers_.empty()) {
        answer = answers_.front();
        answers_.pop_front();
      }
      if (dislike_.status != 0 && data.find(disliked_, body_at) != std::string::npos) {
        answer = dislike_;
      }
      if (answer.status == 202) accepted_.push_back(bodies_.back());
    }
    const std::string body = answer.body.value_or(data.substr(body_at, 300));
    const std::string reply =
        absl::StrCat("HTTP/1.1 ", answer.status, " Test\r\nConnection: close\r\n", answer.headers,
                     "Content-Length: ", body.size(), "\r\n\r\n", body);
    HT_CHECK(::write(fd, reply.data(), reply.size()) == static_cast<ssize_t>(reply.size()));
  }

  struct Answered {
    int status = 0;
    std::string headers;
    std::optional<std::string> body;
  };

  static std::string Acceptance(const std::string& request) {
    constexpr absl::string_view kField = "\"dedup_key\":\"";
    const size_t at = request.find(std::string(kField));
    const size_t from = at == std::string::npos ? at : at + kField.size();
    const std::string key =
        at == std::string::npos ? "" : request.substr(from, request.find('"', from) - from);
    return absl::StrCat(R"({"status":"success","message":"Event processed","dedup_key":")", key,
                        "\"}");
  }

  UniqueFd listener_;
  uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  Mutex mutex_;
  std::string disliked_ ABSL_GUARDED_BY(mutex_);
  Answered dislike_ ABSL_GUARDED_BY(mutex_);
  std::deque<Answered> answers_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> bodies_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> accepted_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace hoptrail::collector::notify

#endif  // HOPTRAIL_COLLECTOR_NOTIFY_PAGERDUTY_HTTP_SERVER_FAKE_H_

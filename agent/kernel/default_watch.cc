// What is watched where nobody says otherwise.

#include "agent/kernel/sensor.h"

namespace hoptrail::agent::kernel {

WatchOptions DefaultWatch() {
  return {
      .reads = {"/root/.ssh",
                "/home/*/.ssh",
                "/etc/ssh/ssh_host_*_key",
                "/etc/shadow",
                "/etc/gshadow",
                "/root/.aws",
                "/home/*/.aws",
                "/root/.azure",
                "/home/*/.azure",
                "/root/.config/gcloud",
                "/home/*/.config/gcloud",
                "/root/.kube",
                "/home/*/.kube",
                "/root/.docker",
                "/home/*/.docker",
                "/root/.gnupg",
                "/home/*/.gnupg",
                "/etc/kubernetes",
                "/var/run/secrets/kubernetes.io",
                "/etc/ssl/private",
                "/etc/krb5.keytab",
                "/root/.vault-token",
                "/root/.netrc",
                "/home/*/.netrc",
                "/root/.git-credentials",
                "/home/*/.git-credentials"},
      .writes = {"/etc/ssh",
                 "/etc/passwd",
                 "/etc/group",
                 "/etc/sudoers",
                 "/etc/sudoers.d",
                 "/etc/pam.d",
                 "/etc/security",
                 "/etc/crontab",
                 "/etc/cron.d",
                 "/etc/cron.hourly",
                 "/etc/cron.daily",
                 "/etc/cron.weekly",
                 "/etc/cron.monthly",
                 "/var/spool/cron",
                 "/etc/systemd/system",
                 "/usr/lib/systemd/system",
                 "/lib/systemd/system",
                 "/usr/local/lib/systemd/system",
                 "/root/.config/systemd/user",
                 "/home/*/.config/systemd/user",
                 "/etc/ld.so.preload"},
  };
}

}  // namespace hoptrail::agent::kernel

/** The systemd unit of a server. deploy/watchpost.service is the one of /usr/local/bin/watchpost. */
import { WatchpostError } from "../../model/errors.ts";

export interface UnitOptions {
  /** Absolute path. */
  readonly executable: string;
  /** A TOML file with settings; absolute. It may be readable to root alone. */
  readonly config?: string;
  /** The key of its certificate, where root alone may read it; absolute. The server gets a copy at its start. */
  readonly tlsKey?: string;
  /** Where everything is kept: a directory of `user`. Undefined: systemd makes one, /var/lib/watchpost. */
  readonly data?: string;
  /** Undefined: systemd makes an account, which exists while the server runs. */
  readonly user?: string;
}

/** Directories that the unit hides from the server, or has others of. */
const HIDDEN = ["/home", "/root", "/run/user", "/tmp", "/var/tmp"];
const [CONFIG_NAME, KEY_NAME] = ["watchpost.toml", "tls.key"];
/** Of others some mean something in units. */
const PLAIN_PATH = /^\/[\p{L}\p{N}/._@+,:-]+$/u;

/** Throws INVALID_ARGUMENT for paths that a server of the unit could not see, or that a unit takes for something else. */
export function unitText({ executable, config, tlsKey, data, user }: UnitOptions): string {
  const program = checked("the executable", executable, `copy it first: install -m 755 ${executable} /usr/local/bin/`);
  const directory =
    data === undefined ? undefined : checked("the data directory", data, "wanted one such as /srv/watchpost");
  if (user !== undefined && !/^[a-z_][a-z0-9_-]*$/.test(user)) {
    throw new WatchpostError("INVALID_ARGUMENT", `--user is ${JSON.stringify(user)}; wanted the name of an account`);
  }
  if (directory !== undefined && user === undefined) {
    const message = `--data ${directory} needs --user: the account that owns it; without both systemd makes /var/lib/watchpost`;
    throw new WatchpostError("INVALID_ARGUMENT", message);
  }
  const settings = config === undefined ? "" : ` --config \${CREDENTIALS_DIRECTORY}/${CONFIG_NAME}`;
  const command = `${program} serve --data ${directory ?? "/var/lib/watchpost"}${settings} --log-format json`;
  const credential = config === undefined ? "" : `LoadCredential=${CONFIG_NAME}:${plain("--config", config)}\n`;
  const key =
    tlsKey === undefined
      ? ""
      : `LoadCredential=${KEY_NAME}:${plain("tls.key", tlsKey)}\nEnvironment=WATCHPOST_TLS_KEY=%d/${KEY_NAME}\n`;
  const account = user === undefined ? "DynamicUser=yes" : `User=${user}`;
  const place =
    directory === undefined ? "StateDirectory=watchpost\nStateDirectoryMode=0700" : `ReadWritePaths=${directory}`;
  return `[Unit]
Description=Watchpost, real-time IoT monitoring
After=network-online.target time-sync.target
Wants=network-online.target

[Service]
Type=notify
NotifyAccess=main
ExecStart=${command}
ExecReload=/bin/kill -HUP $MAINPID
# Settings as WATCHPOST_... variables; watchpost config names them.
EnvironmentFile=-/etc/default/watchpost
${credential}${key}# Memory that a query frees is used by the next one before it goes back to the system.
Environment=MIMALLOC_PURGE_DELAY=10000
UnsetEnvironment=BUN_OPTIONS BUN_INSPECT BUN_CONFIG_VERBOSE_FETCH NODE_OPTIONS
Restart=always
RestartSec=1
# A long replay of the log, and a long end, ask for more time as they go on.
TimeoutStartSec=5min
TimeoutStopSec=60
# A disk may take long over one sync.
WatchdogSec=2min
# Not SIGABRT: that prints a report of a crash, which a hang is none of, and a core of all that is in memory.
WatchdogSignal=SIGKILL
LimitNOFILE=65536

${account}
${place}
UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=yes
PrivateMounts=yes
ProtectProc=invisible
ProcSubset=pid
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
# Not MemoryDenyWriteExecute: code is compiled while it runs.

[Install]
WantedBy=multi-user.target
`;
}

/** Throws for what a service does not see. */
function checked(what: string, path: string, advice: string): string {
  const hidden = HIDDEN.find((dir) => path === dir || path.startsWith(`${dir}/`));
  if (hidden === undefined) return plain(what, path);
  const message = `${what} is ${JSON.stringify(path)}, and a service does not see ${hidden}; ${advice}`;
  throw new WatchpostError("INVALID_ARGUMENT", message);
}

function plain(what: string, path: string): string {
  if (PLAIN_PATH.test(path)) return path;
  const message = `${what} is ${JSON.stringify(path)}; wanted an absolute path of letters, digits and . _ - + @ , :`;
  throw new WatchpostError("INVALID_ARGUMENT", message);
}

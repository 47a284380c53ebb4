/** Programs that skills require and that no recipe can provide, by the reason. */
const byReason: Readonly<Record<string, string>> = {
  "it is a part of macOS":
    "afplay automator codesign defaults diskutil hdiutil ioreg launchctl mdfind mdls open osascript pbcopy pbpaste plutil pmset qlmanage say screencapture security shortcuts sips sw_vers textutil xcodebuild xcrun",
  "it runs only on macOS":
    "apple-calendar-cli codexmonitor fruitmail grizzly icalBuddy imsg memo mlx_lm mlx_whisper peekaboo remindctl things",
  "it is a part of Windows":
    "cmd cmd.exe clip.exe curl.exe powershell.exe reg.exe schtasks wsl wsl.exe",
  "it controls services of the host, which a container does not have":
    "at atd cron crontab dbus-send hostnamectl journalctl launchd loginctl service systemctl systemd systemd-run timedatectl",
  "it needs rights that a container does not have":
    "distrobox doas mount modprobe podman su sudo ufw umount wg wg-quick",
  "it belongs to the driver of the host's hardware": "amd-smi nvidia-smi rocm-smi",
  "it is another package manager; what it would install is looked up in the catalogue":
    "apk apt apt-get brew dnf dpkg pacman snap yum",
  "it is a part of ROS, which is installed as a system of its own": "colcon ros2 rosdep",
  "it is not a program: the skill's text has a wrong word": "pyhon yt-dlp-downloader-skill",
  "it controls a desktop program of the user": "gnome-screenshot notify-send obsidian",
};

const reasons = new Map(
  Object.entries(byReason).flatMap(([reason, names]) =>
    names.split(" ").map((name) => [name, reason] as const),
  ),
);

/** Why the catalogue will never provide a program; undefined if a recipe could be written. */
export function whyUnavailable(program: string): string | undefined {
  return reasons.get(program);
}

/** The reason for a program that no recipe has. */
export function whyNoRecipe(program: string): string {
  const reason = whyUnavailable(program);
  return reason === undefined ? "no recipe provides it" : `no recipe can provide it: ${reason}`;
}

/** The programs with a known reason. */
export const unavailable: readonly string[] = [...reasons.keys()];

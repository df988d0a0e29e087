/** `watchpost device`: one device, and what people say of it. */
import { Command } from "commander";
import { deviceDeleteCommand } from "./device-delete.ts";
import { deviceImportCommand } from "./device-import.ts";
import { deviceRegisterCommand } from "./device-register.ts";
import { deviceReportCommand } from "./device-report.ts";
import { deviceShowCommand } from "./device-show.ts";
import { deviceUpdateCommand } from "./device-update.ts";

const HELP = `
watchpost devices lists them. A device that is called as one of these commands is shown by watchpost device show NAME.

Examples:
  watchpost device pump-1
  watchpost device register pump-1 --type pump --site north --parent gw-7 --interval 30s --sensor temperature,unit=°C,min=-40,max=120
  watchpost device update pump-1 --firmware 2.1 --sensor pressure,unit=kPa
  watchpost device import fleet.csv --dry-run
  watchpost device report pump-1 death --reason 'switched off'
  watchpost device delete pump-1`;

export function deviceCommand(): Command {
  return new Command("device")
    .summary("one device: show, register, update, delete, import, report")
    .description("Shows a device, and says what devices are.")
    .addCommand(deviceShowCommand(), { isDefault: true })
    .addCommand(deviceRegisterCommand())
    .addCommand(deviceUpdateCommand())
    .addCommand(deviceDeleteCommand())
    .addCommand(deviceImportCommand())
    .addCommand(deviceReportCommand())
    .addHelpText("after", HELP);
}

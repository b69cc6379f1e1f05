import {
  makeConfigReader,
  makeServicesSection,
  platformSection,
  type SettingsOf,
} from './platform/config.ts';
import { identitySection } from './services/identity/config.ts';
import { notificationsSection } from './services/notifications/config.ts';
import { paymentsSection } from './services/payments/config.ts';
import { seatsSection } from './services/seats/config.ts';
import { waitingRoomSection } from './services/waiting-room/config.ts';

/** What a process can be told to serve; venues and ranking are served with the catalogue. */
export const serviceNames = [
  'identity',
  'catalogue',
  'waiting-room',
  'seats',
  'orders',
  'payments',
  'tickets',
  'notifications',
  'operations',
] as const;
export type ServiceName = (typeof serviceNames)[number];

const servicesSection = makeServicesSection(serviceNames);

/** The configuration of the whole program: each part's section, merged. */
const reader = makeConfigReader({
  settings: {
    ...platformSection.settings,
    ...seatsSection.settings,
    ...waitingRoomSection.settings,
    ...identitySection.settings,
    ...paymentsSection.settings,
    ...notificationsSection.settings,
    ...servicesSection.settings,
  },
  sections: [
    platformSection,
    seatsSection,
    waitingRoomSection,
    identitySection,
    paymentsSection,
    notificationsSection,
    servicesSection,
  ],
});

export const { readConfig, describeConfig } = reader;
export type Settings = SettingsOf<typeof platformSection> &
  SettingsOf<typeof seatsSection> &
  SettingsOf<typeof waitingRoomSection> &
  SettingsOf<typeof identitySection> &
  SettingsOf<typeof paymentsSection> &
  SettingsOf<typeof notificationsSection> &
  SettingsOf<typeof servicesSection>;

export { openNotifications } from './module.ts';
export type { NotificationsDoors, NotificationsService } from './service.ts';

import type { enSimulate } from './en-simulate.ts';

/** Chinese texts of simulations. */
export const zhSimulate: Readonly<Record<keyof typeof enSimulate, string>> = {
  'simulate.action': '模拟',
  'simulate.title': '“{name}”会有何影响',
  'simulate.hour': '最近一小时',
  'simulate.day': '最近一天',
  'simulate.again': '重新模拟',
  'simulate.total': '{requests} 个请求中，{refused} 个会被拒绝；实际拒绝 {actual} 个。',
  'simulate.truncated': '请求数超过可重放的上限，最后一个的时间为 {until}。',
  'simulate.unrecorded': '日志不保存 {fields}：针对它们的条件在此永不匹配。',
  'simulate.assumed': '当时被拒绝而现在会通过的请求：{count}，其输出按同一模型的其他请求估计。',
  'simulate.notReplayed': '未到达限制、因而不重放的请求：{count}。',
  'simulate.hours': '按小时',
  'simulate.keys': '按密钥',
  'simulate.policies': '按策略',
  'simulate.noKey': '无密钥',
  'simulate.requests': '请求数',
  'simulate.would': '模拟',
  'simulate.really': '实际',
  'simulate.refused': '拒绝',
  'simulate.waited': '延迟',
  'simulate.waits': '{count}（{seconds} 秒）',
  'simulate.cut': '截断',
  'simulate.tokensLost': '损失令牌',
  'simulate.observed': '仅观察',
  'simulate.first': '最先被拒绝的',
};

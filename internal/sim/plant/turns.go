package plant

import "context"

// RunInTurn runs the first command on all the subjects, and each further one on those
// that nothing has found so far. A report is that of the last command that was run.
func (r *Runner) RunInTurn(ctx context.Context, subjects []Subject, commands ...func(*Subject) Command) []Report {
	reports := make([]Report, len(subjects))
	left := make([]int, len(subjects))
	for i := range left {
		left[i] = i
	}
	for _, command := range commands {
		now := *r
		now.Command = command
		var these []Subject
		for _, i := range left {
			these = append(these, subjects[i])
		}
		var missed []int
		for n, report := range now.Run(ctx, these) {
			reports[left[n]] = report
			if report.Status == Missed || report.Status == OverBudget {
				missed = append(missed, left[n])
			}
		}
		left = missed
	}
	return reports
}

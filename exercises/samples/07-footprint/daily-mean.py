"""The mean of the day for the hours of the job."""


# %% by-the-hour-answer
def job_kg(power_kw, start, hours, g_per_kwh):
    """Energy times the mean intensity."""
    return power_kw * hours * np.mean(g_per_kwh) / 1000
